/** Requests as fetch would not send them: any Host and Origin, any path, upgrades to WebSocket. */
import { type ClientRequest, request as httpRequest, type IncomingHttpHeaders } from 'node:http';

/** An answer, read to its end. */
export interface Answer {
  /** 101 for a WebSocket that was opened, and closed at once. */
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

/** What asks to become a WebSocket. */
export const UPGRADE: Readonly<Record<string, string>> = {
  Connection: 'Upgrade',
  Upgrade: 'websocket',
  'Sec-WebSocket-Version': '13',
  'Sec-WebSocket-Key': 'dGhlIHNhbXBsZSBub25jZQ==',
};

/** Asks a server on loopback; the headers win over those that node:http would send. */
export function ask(
  { port }: { readonly port: number },
  path: string,
  headers: Readonly<Record<string, string>> = {},
  method = 'GET',
): Promise<Answer> {
  return answerTo(httpRequest({ host: '127.0.0.1', port, path, method, headers }));
}

/** Asks it for a WebSocket. */
export function upgrade(
  server: { readonly port: number },
  headers: Readonly<Record<string, string>> = {},
  path = '/ws',
): Promise<Answer> {
  return ask(server, path, { ...UPGRADE, ...headers });
}

function answerTo(request: ClientRequest): Promise<Answer> {
  return new Promise((resolve, reject) => {
    request.on('response', (response) => {
      let body = '';
      response.setEncoding('utf8').on('data', (text: string) => {
        body += text;
      });
      const { statusCode: status = 0, headers } = response;
      response.on('end', () => resolve({ status, headers, body }));
    });
    request.on('upgrade', ({ headers }, socket) => {
      socket.destroy();
      resolve({ status: 101, headers, body: '' });
    });
    request.on('error', reject).end();
  });
}
