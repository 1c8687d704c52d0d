import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Av1Packetizer } from 'werift';
import { VideoDecoder } from '../../src/ingest/decode/decoder.ts';
import { parseRtp, type RtpPacket } from '../../src/ingest/rtp/packet.ts';
import { RtpReceiver } from '../../src/ingest/rtp/receiver.ts';
import { WhipReceiver } from '../../src/ingest/whip/receiver.ts';
import type { AccessUnit, VideoCodec } from '../../src/media/access-unit.ts';
import { Arena } from '../../src/media/arena.ts';
import { fromMs, type Micros, micros, systemClock } from '../../src/time.ts';
import { cutAtDelimiters, encodeIvf, encodeTestPicture } from '../support/coded.ts';
import { Fuzzer, heldBytes } from '../support/fuzz.ts';
import { packetize, rtpBytes, rtpPacket } from '../support/rtp.ts';

const CASES = 750;
const SIZE = '96x64';
/** A keyframe and two frames that need it. */
const FRAMES = 3;
const MTU = 300;
const MEDIA = 96;
const RTX = 97;
/** A sender that begins anew is told by two numbers in a row this far from the last one. */
const ANEW = 20_000;
const CASE_MS = 1000;

/** Payloads of each frame. */
type Coded = readonly (readonly Uint8Array[])[];

const CODED: Readonly<Record<VideoCodec, () => Coded>> = {
  h264: () => nalFrames('h264', encodeTestPicture('libx264', SIZE, FRAMES, ['-bf', '0', '-tune', 'zerolatency'])),
  hevc: () => nalFrames('hevc', encodeTestPicture('libx265', SIZE, FRAMES, ['-bf', '0', '-tune', 'zerolatency'])),
  vp8: () => encodeIvf('libvpx', SIZE, FRAMES, []).map((frame) => cut(frame, (start) => [start ? 0x10 : 0])),
  vp9: () =>
    encodeIvf('libvpx-vp9', SIZE, FRAMES, []).map((frame, index) =>
      cut(frame, (start, end) => [(index > 0 ? 0x40 : 0) | (start ? 0x08 : 0) | (end ? 0x04 : 0)]),
    ),
  av1: () =>
    encodeIvf('libaom-av1', SIZE, FRAMES, []).map((unit, index) =>
      new Av1Packetizer({ maxPayloadSize: MTU, isKeyframe: index === 0 })
        .packetize(Buffer.from(unit), 0)
        .map(({ payload }) => payload),
    ),
};

function nalFrames(codec: 'h264' | 'hevc', coded: Uint8Array): Coded {
  return cutAtDelimiters(coded, codec).map((unit) =>
    packetize([unit], codec, { mtu: MTU }).map(({ payload }) => payload),
  );
}

/** A frame in pieces, each behind its descriptor. */
function cut(frame: Uint8Array, descriptor: (start: boolean, end: boolean) => number[]): Uint8Array[] {
  const pieces = Math.ceil(frame.length / MTU);
  return Array.from({ length: pieces }, (_, i) =>
    Uint8Array.from([...descriptor(i === 0, i === pieces - 1), ...frame.subarray(i * MTU, (i + 1) * MTU)]),
  );
}

/** The frames as packets, one every 33 ms. */
function packetsOf(coded: Coded, sequence: number, atMs: number): RtpPacket[] {
  let next = sequence;
  return coded.flatMap((payloads, frame) =>
    payloads.map((payload, i) => {
      const arrival = fromMs(atMs + frame * 33);
      const marker = i === payloads.length - 1;
      return rtpPacket({
        sequence: next++ & 0xffff,
        timestamp: ((atMs + frame * 33) * 90) >>> 0,
        payloadType: MEDIA,
        marker,
        payload,
        arrival,
      });
    }),
  );
}

/** What a network and a hostile sender do to packets: loss, repetition, disorder, false retransmissions, damage anywhere. */
function mistreat(packets: readonly RtpPacket[], fuzz: Fuzzer): RtpPacket[] {
  const out: RtpPacket[] = [];
  for (const packet of packets) {
    if (fuzz.chance(0.05)) continue;
    let bytes = rtpBytes(packet);
    if (fuzz.chance(0.1)) bytes = rtpBytes({ ...packet, payloadType: RTX, payload: fuzz.bytes(fuzz.int(40)) });
    // The payload's own headers, or the packet from its first byte on.
    if (fuzz.chance(0.4)) bytes = Uint8Array.from([...bytes.subarray(0, 12), ...fuzz.damage(bytes.subarray(12))]);
    else if (fuzz.chance(0.15)) bytes = fuzz.damage(bytes);
    const damaged = parseRtp(bytes, packet.arrival);
    if (!damaged) continue;
    out.splice(fuzz.chance(0.1) ? fuzz.int(out.length + 1) : out.length, 0, damaged);
    if (fuzz.chance(0.05)) out.push(damaged);
  }
  return out;
}

/** A receiver of either kind before a decoder: what WHIP and RTSP do with what arrives. */
class Rig implements AsyncDisposable {
  readonly arena = new Arena(16);
  readonly units: AccessUnit[] = [];
  readonly #receiver: WhipReceiver | RtpReceiver;
  readonly #decoder: VideoDecoder;

  private constructor(codec: VideoCodec, kind: 'WHIP' | 'RTSP', arena: Arena, decoder: VideoDecoder) {
    this.arena = arena;
    this.#decoder = decoder;
    const taking = {
      wallAt: (instant: Micros) => micros(instant + 1e15),
      complete: (unit: AccessUnit) => this.units.push(unit),
      lost: () => {},
    };
    const video = { codec, payloadType: MEDIA, rtxPayloadType: RTX, feedback: ['nack', 'nack pli'] };
    this.#receiver =
      kind === 'WHIP'
        ? new WhipReceiver({ video, ...taking })
        : new RtpReceiver({
            ...taking,
            codec,
            payloadType: MEDIA,
            clockRate: 90_000,
            maxWait: fromMs(60),
            capacity: 64,
          });
  }

  static async open(codec: VideoCodec, kind: 'WHIP' | 'RTSP'): Promise<Rig> {
    const arena = new Arena(16);
    const decoder = await VideoDecoder.open({ codec, arena, clock: systemClock, stream: 'cam' });
    return new Rig(codec, kind, arena, decoder);
  }

  /** Lets the packets come and time pass. */
  receive(packets: readonly RtpPacket[], untilMs: number): void {
    for (const packet of packets) this.#receiver.push(packet);
    const now = fromMs(untilMs);
    if (this.#receiver instanceof WhipReceiver) this.#receiver.advance(now, this.#decoder.awaitingKeyframe);
    else this.#receiver.expire(now);
  }

  /** Decodes what was received; resolves with the number of frames. */
  async decode(): Promise<number> {
    let frames = 0;
    for (const unit of this.units.splice(0)) {
      for (const frame of await this.#decoder.decode(unit)) {
        frames += 1;
        frame.release();
      }
    }
    return frames;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#decoder.close();
  }
}

describe.each(Object.keys(CODED) as (keyof typeof CODED)[])('%s', (codec) => {
  let coded: Coded;
  let before: number;

  beforeAll(() => {
    coded = CODED[codec]();
    expect(coded).toHaveLength(FRAMES);
    before = heldBytes();
  });

  afterAll(() => {
    expect(heldBytes() - before).toBeLessThan(8e6);
  });

  it.each(['WHIP', 'RTSP'] as const)(
    `${CASES / 2} mistreated pieces of a stream by %s: each time the next keyframe is whole and seen`,
    async (kind) => {
      await using rig = await Rig.open(codec, kind);
      const bytesIn = 2 * coded.flat().reduce((sum, payload) => sum + payload.length, 0);
      let sequence = 0;
      for (let i = 0; i < CASES / 2; i += 1) {
        const what = `${codec} by ${kind}, case ${i}`;
        const fuzz = new Fuzzer(i + (kind === 'WHIP' ? 0 : 1e6));
        const atMs = 2 * i * CASE_MS;
        rig.receive(mistreat(packetsOf(coded, sequence, atMs), fuzz), atMs + CASE_MS / 2);
        const made = rig.units.reduce((sum, { data }) => sum + data.length, 0);
        expect(made, what).toBeLessThan(4 * bytesIn + 1024);
        expect(
          rig.units.every(({ damaged, data }) => data.length > 0 || damaged),
          what,
        ).toBe(true);
        await rig.decode();

        sequence = (sequence + ANEW) & 0xffff;
        // The first packet tells that the sender began anew; the second time around all is well.
        const [key] = coded;
        const well = packetsOf([key ?? [], ...coded], sequence, atMs + CASE_MS);
        rig.receive(well, atMs + 1.5 * CASE_MS);
        sequence = (sequence + ANEW) & 0xffff;
        const last = rig.units.at(-FRAMES);
        expect(last, what).toMatchObject({ keyframe: true });
        expect(last?.damaged ?? false, what).toBe(false);
        expect(await rig.decode(), what).toBeGreaterThanOrEqual(FRAMES);
        expect(rig.arena.liveFrames, what).toBe(0);
      }
    },
  );
});
