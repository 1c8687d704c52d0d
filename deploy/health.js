// Health check of the image: exit code 0 when the framelift of this container answers at the
// address that it has written to FRAMELIFT_URL_FILE (--url-file), whatever its port, with TLS or
// without. Plain JavaScript, as the whole command line takes a second of a core to load.
import { readFileSync } from 'node:fs';
import { get as getHttp } from 'node:http';
import { get as getHttps } from 'node:https';

const TIMEOUT_MS = 2500;
const file = process.env.FRAMELIFT_URL_FILE ?? '';

try {
  const url = new URL('healthz', readFileSync(file, 'utf8').trim());
  const get = url.protocol === 'https:' ? getHttps : getHttp;
  // It is this container itself, by an address that its certificate is not for.
  const request = get(url, { rejectUnauthorized: false, timeout: TIMEOUT_MS }, ({ statusCode }) => {
    end(statusCode === 200, `${url} answers ${statusCode}`);
  });
  request.on('timeout', () => end(false, `${url} does not answer within ${TIMEOUT_MS} ms`));
  request.on('error', ({ message }) => end(false, `${url}: ${message}`));
} catch ({ message }) {
  end(false, `FRAMELIFT_URL_FILE is "${file}": ${message}`);
}

function end(healthy, why) {
  console.log(why);
  process.exit(healthy ? 0 : 1);
}
