import { describe, expect, it } from 'vitest';
import { parseConfig } from '../../../src/config/parse.ts';

const server = (keys: object) => parseConfig({ server: keys }, 'f.yaml').server;
const webrtc = (keys: object) => parseConfig({ webrtc: keys }, 'f.yaml').webrtc;

describe('keys of how people reach the server', () => {
  it('have defaults that open nothing', () => {
    expect(server({})).toMatchObject({ publicUrls: [], basePath: '', trustProxy: [], frameAncestors: [] });
    expect(webrtc({})).toMatchObject({ playOrigins: [], publishOrigins: [] });
  });

  it('take what is right, in one spelling', () => {
    expect(server({ basePath: '/framelift/' }).basePath).toBe('/framelift');
    expect(server({ basePath: '/' }).basePath).toBe('');
    expect(server({ basePath: '/a/b_c/d.e-f~1' }).basePath).toBe('/a/b_c/d.e-f~1');
    const publicUrls = [
      'https://video.example:8443/framelift/',
      'http://192.168.1.5',
      'https://[2001:db8::1]/framelift',
    ];
    expect(server({ basePath: '/framelift', publicUrls }).publicUrls).toEqual(publicUrls);
    const trustProxy = ['loopback', 'private', '10.0.0.1', '2001:db8::/32'];
    expect(server({ trustProxy }).trustProxy).toEqual(trustProxy);
    const frameAncestors = ['*', 'https://grafana.example:3000', 'https://*.example', 'http://[::1]:8123'];
    expect(server({ frameAncestors }).frameAncestors).toEqual(frameAncestors);
    const spelt = ['https://Studio.example:443', 'http://studio.example:80', '*'];
    const asBrowsersDo = ['https://studio.example', 'http://studio.example', '*'];
    expect(webrtc({ playOrigins: spelt, publishOrigins: spelt })).toMatchObject({
      ...{ playOrigins: asBrowsersDo, publishOrigins: asBrowsersDo },
    });
  });

  it.each([
    ['publicUrls', ['video.example'], 'expected http(s)://host'],
    ['publicUrls', ['ftp://video.example'], 'expected http(s)://host'],
    ['publicUrls', ['https://user@video.example'], 'expected http(s)://host'],
    ['publicUrls', ['https://video.example/?a'], 'expected http(s)://host'],
    ['publicUrls', ['https://video.example/other/'], 'is not server.basePath, "/"'],
    ['basePath', 'framelift', 'expected a path such as /framelift'],
    ['basePath', '//evil.example', 'expected a path'],
    ['basePath', '/a/../b', 'expected a path'],
    ['basePath', '/a b', 'expected a path'],
    ['basePath', '/whep', 'is a path of framelift’s own'],
    ['basePath', '/api/x', 'is a path of framelift’s own'],
    ['trustProxy', ['proxy.example'], 'expected loopback, private, an address'],
    ['trustProxy', ['10.0.0.0/33'], 'expected loopback, private, an address'],
    ['frameAncestors', ["'self'"], 'an origin is'],
    ['frameAncestors', ['https://a.example; script-src *'], 'an origin is'],
    ['frameAncestors', ['https://a.example/path'], 'an origin is'],
  ])('refuse %s: %j', (key, value, message) => {
    expect(() => server({ [key]: value })).toThrow(message);
    expect(() => server({ [key]: value })).toThrow(`server.${key}`);
  });

  it.each([['https://a.example/path'], ['a.example'], ['https://user@a.example'], ['https://a.example:99999']])(
    'refuse an origin that no page has: %s',
    (origin) => {
      expect(() => webrtc({ playOrigins: [origin] })).toThrow('webrtc.playOrigins.0');
      expect(() => webrtc({ publishOrigins: [origin] })).toThrow('webrtc.publishOrigins.0');
    },
  );
});
