import { describe, expect, it } from 'vitest';
import { parseConfig } from '../../../src/config/parse.ts';
import { checkPublishers, makeToken, resolveTokens, TOKEN, withoutSecrets } from '../../../src/config/secrets.ts';
import { FrameliftError } from '../../../src/errors.ts';

const auth = (publish: (string | { env: string })[]) => ({ publish, play: [], admin: [] });

/** The error of a call. */
function thrownBy(call: () => unknown): FrameliftError {
  try {
    call();
  } catch (error) {
    if (error instanceof FrameliftError) return error;
    throw error;
  }
  throw new Error('nothing was thrown');
}

describe('resolveTokens', () => {
  it('takes tokens as they are, from variables that are named, and from those that are always looked at', () => {
    const env = {
      CAMERA_TEAM: 'of-the-camera-team',
      FRAMELIFT_PUBLISH_TOKEN: 'of-everybody',
      FRAMELIFT_ADMIN_TOKEN: 'of-the-boss',
    };
    expect(resolveTokens(auth(['as-it-is', { env: 'CAMERA_TEAM' }]), env)).toEqual({
      publish: ['as-it-is', 'of-the-camera-team', 'of-everybody'],
      play: [],
      admin: ['of-the-boss'],
    });
    expect(resolveTokens(auth([]), { FRAMELIFT_PLAY_TOKEN: '' })).toEqual(auth([]));
  });

  it.each([
    [{}, 'auth.publish: the environment variable CAMERA_TEAM is not set'],
    [{ CAMERA_TEAM: '' }, 'auth.publish: the environment variable CAMERA_TEAM is not set'],
    [{ CAMERA_TEAM: 'no spaces here' }, 'auth.publish: the environment variable CAMERA_TEAM holds no token'],
  ])('names the variable that is wrong, and not its value: %j', (env, message) => {
    const error = thrownBy(() => resolveTokens(auth([{ env: 'CAMERA_TEAM' }]), env));
    expect([error.code, error.message]).toEqual(['config.invalid', expect.stringContaining(message)]);
    expect(JSON.stringify([error.message, error.remedy])).not.toContain('no spaces here');
  });

  it('makes tokens that it takes itself', () => {
    const [one, other] = [makeToken(), makeToken()];
    expect([TOKEN.test(one), one === other]).toEqual([true, false]);
  });
});

it('a token that is too short is told the rule', () => {
  const { message } = thrownBy(() => parseConfig({ auth: { publish: ['short'] } }, 'test.yaml'));
  expect(message).toBe(
    'test.yaml: auth.publish.0 is "***": a token has 8 to 512 letters, digits and "-._~+/", with "=" only at its end',
  );
});

describe('what people are shown', () => {
  it('has no token, no password, no credential', () => {
    const shown = withoutSecrets({
      auth: { publish: ['hunter22', { env: 'CAMERA_TEAM' }], play: [], admin: ['hunter22'] },
      webrtc: { iceServers: [{ urls: ['turn:turn.example'], username: 'u', credential: 'hunter22' }] },
      streams: [{ name: 'cam', source: 'rtsp://nurse:hunter22@10.0.0.7/1?token=hunter22', fps: 60 }],
    });
    expect(JSON.stringify(shown)).not.toContain('hunter22');
    expect(shown).toMatchObject({
      auth: { publish: ['***', { env: 'CAMERA_TEAM' }], admin: ['***'] },
      streams: [{ source: 'rtsp://***@10.0.0.7/1?token=***', fps: 60 }],
    });
  });

  it.each([
    { auth: { publish: ['hunter22 hunter22'] } },
    { auth: { publish: 'hunter22' } },
    { auth: { publish: [{ env: 'hunter22!' }] } },
    { auth: 'hunter22' },
    { auth: { publish: [{ env: 'A', value: 'hunter22' }] } },
    { streams: [{ name: 'rtsp://nurse:hunter22@10.0.0.7/1', source: 'demo' }] },
    { streams: 'rtsp://nurse:hunter22@10.0.0.7/1' },
    { streams: [{ name: 'cam', source: 'demo', fps: 'rtsp://nurse:hunter22@10.0.0.7/1' }] },
  ])('has none either where the configuration is wrong: %j', (input) => {
    const error = thrownBy(() => parseConfig(input, 'test.yaml'));
    expect(error.code).toBe('config.invalid');
    expect(`${error.message} ${error.remedy} ${error.cause}`).not.toContain('hunter22');
  });
});

describe('checkPublishers', () => {
  const NONE = { publish: [], play: [], admin: [] };
  const file = { name: 'clip', source: 'clip.mp4' };
  const whip = { name: 'cam', source: 'whip' };

  it('refuses a stream that waits for publishers where nobody may publish', () => {
    const error = thrownBy(() => checkPublishers([file, whip], { ...NONE, play: ['of-the-players'] }));
    expect(error).toMatchObject({
      code: 'config.invalid',
      remedy: expect.stringContaining('--publish-token generate'),
    });
    expect(error.message).toContain('"cam"');
  });

  it.each([
    [[file], NONE],
    [[file, whip], { ...NONE, publish: ['of-a-publisher'] }],
    [[whip], { ...NONE, admin: ['of-the-boss'] }],
  ])('takes %j with %j', (streams, tokens) => {
    expect(() => checkPublishers(streams, tokens)).not.toThrow();
  });
});
