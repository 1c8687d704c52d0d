/** Pushes by WHIP (RFC 9725): our own peer offers the stream, and sends it as it sends to viewers. */
import { asFrameliftError, FrameliftError } from '../../errors.ts';
import type { SoundCodec } from '../../media/sound.ts';
import type { Clock } from '../../time.ts';
import type { IceServer } from '../../webrtc/ice-servers.ts';
import { newIdentity } from '../../webrtc/identity.ts';
import type { TransportSettings } from '../../webrtc/transport.ts';
import type { SoundUnit } from '../audio/sound-out.ts';
import { type ParameterSets, parameterSetsOf } from '../codec/parameter-sets.ts';
import type { Follower } from '../followers.ts';
import { connectPeer } from '../peer.ts';
import { areSingle, packetizeH264 } from '../rtp/packetizer.ts';
import type { EncodedUnit, Viewer } from '../viewer.ts';
import { type OutputAddress, shownOutput } from './address.ts';
import { Beginning, type Life, pushOf } from './life.ts';
import type { Push, PushReport, PushSource } from './push.ts';
import { iceServersOf, writeOffer } from './whip-offer.ts';
import { postOffer, type WhipSession } from './whip-request.ts';

/** Options of {@link whipPush}. */
export interface WhipPushOptions {
  readonly address: OutputAddress;
  readonly token: string | undefined;
  /** Whether the sound goes along. */
  readonly audio: boolean;
  readonly clock: Clock;
  /** How connections are made. */
  readonly transport: TransportSettings;
}

/** A push to a WHIP server. */
export function whipPush(options: WhipPushOptions): Push {
  return pushOf(
    shownOutput(options.address.url),
    (source, report, signal) => new WhipLife(options, source, report, signal),
  );
}

/** One session, from the first keyframe on. */
class WhipLife implements Follower, Life {
  readonly #options: WhipPushOptions;
  readonly #report: PushReport;
  readonly #following: ReturnType<PushSource['follow']>;
  readonly #end = Promise.withResolvers<'stopped' | 'changed'>();
  readonly #stopped = new AbortController();
  readonly #signal: AbortSignal;
  #opening: Promise<void> | undefined;
  #session: WhipSession | undefined;
  #viewer: Viewer | undefined;
  readonly #beginning: Beginning;
  #sound: SoundCodec | undefined;
  /** A keyframe has gone out since the connection came about. */
  #started = false;

  constructor(options: WhipPushOptions, source: PushSource, report: PushReport, signal: AbortSignal) {
    this.#options = options;
    this.#report = report;
    const { audio, clock } = options;
    this.#beginning = new Beginning({ audio, source, clock, begin: (sets, sound) => this.#begin(sets, sound) });
    this.#signal = signal;
    signal.addEventListener('abort', this.#stop);
    if (signal.aborted) this.#stop();
    this.#following = source.follow(this);
  }

  /** How it ends. @throws FrameliftError as {@link Push.run}. */
  get ended(): Promise<'stopped' | 'changed'> {
    return this.#end.promise;
  }

  take(unit: EncodedUnit): void {
    const sets = unit.keyframe ? parameterSetsOf(unit.data) : undefined;
    const first = this.#beginning.sets;
    if (sets) this.#beginning.keyframe(sets);
    // A size may change within a session, another profile has to be agreed anew.
    if (sets && first && sets.sequence[1] !== first.sequence[1]) this.#end.resolve('changed');
    const viewer = this.#viewer;
    if (!viewer?.connected || !(this.#started || unit.keyframe)) return;
    this.#started = true;
    const payloads = packetizeH264(unit.data, { single: viewer.singleNal });
    viewer.send({ unit, payloads, single: areSingle(payloads) });
  }

  takeSound(unit: SoundUnit): void {
    if (!this.#options.audio || !this.#beginning.sets) return;
    this.#beginning.sound(unit.codec);
    if (unit.codec !== this.#sound) this.#end.resolve('changed');
    if (this.#started) this.#viewer?.sendSound(unit);
  }

  /** Leaves nothing: no session on either side. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#signal.removeEventListener('abort', this.#stop);
    this.#following[Symbol.dispose]();
    this.#beginning.close();
    this.#stopped.abort();
    await this.#opening;
    await Promise.all([this.#viewer?.close('the output has ended'), this.#session?.end()]);
  }

  readonly #stop = (): void => this.#end.resolve('stopped');

  #begin(sets: ParameterSets, sound: SoundCodec | undefined): void {
    this.#sound = sound;
    this.#opening = this.#open(sets).catch((thrown: unknown) => {
      this.#end.reject(asFrameliftError(thrown, 'output.failed'));
    });
  }

  async #open({ sequence }: ParameterSets): Promise<void> {
    const { address, token, clock, transport } = this.#options;
    const identity = await newIdentity();
    const candidates = (await transport.port?.candidates()) ?? [];
    const offer = writeOffer({ identity, candidates, sequence, sound: this.#sound });
    const url = address.url.replace(/^whip/i, 'http');
    const session = await postOffer({ url, token, clock }, offer, this.#stopped.signal);
    this.#session = session;
    const iceServers = withServers(transport, iceServersOf(session.links));
    const settings = { ...transport, identity, sound: this.#sound, ...(iceServers && { iceServers }) };
    try {
      // An answer names what a player's offer names: what it takes, and how it is reached.
      this.#viewer = await connectPeer(session.answer, settings, clock, {
        keyframeNeeded: (cause) => {
          if (cause === 'join') this.#report.live();
          this.#following.requestKeyframe();
        },
        sent: (_unit, _packets, bytes) => this.#report.sent(bytes),
        asked: () => {},
        roundTrip: () => {},
        seen: () => {},
        retransmitted: () => {},
        dropped: () => {},
        ended: (reason) => this.#broken(reason),
      });
    } catch (thrown) {
      const { message } = asFrameliftError(thrown, 'output.refused');
      const why = message.replace('SDP offer', 'SDP answer').replace('this player', 'the server');
      throw new FrameliftError('output.refused', `${shownOutput(address.url)} cannot be sent to: ${why}`, {
        recoverable: true,
        cause: thrown,
      });
    }
  }

  #broken(reason: string): void {
    const message = `the connection to ${shownOutput(this.#options.address.url)} broke: ${reason}`;
    const remedy = 'Check that UDP reaches the server from here, or configure webrtc.iceServers with TURN.';
    this.#end.reject(new FrameliftError('output.unreachable', message, { recoverable: true, remedy }));
  }
}

/** Our own STUN and TURN servers, and those that the server has named. */
function withServers(
  { iceServers }: TransportSettings,
  named: readonly IceServer[],
): TransportSettings['iceServers'] | undefined {
  if (named.length === 0) return iceServers;
  return { own: () => [...(iceServers?.own() ?? []), ...named], got: (candidates) => iceServers?.got(candidates) };
}
