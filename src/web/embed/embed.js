/**
 * One stream for other pages to embed: nothing but the picture, its badge, and what its viewers have
 * to be told. Its address names the stream; `?variant=source` plays the source, `?badge=on` or
 * `off` overrules the stream, `#token=…` carries a play token.
 */
import { whepAddress } from '../address.js';
import { StateFeed } from '../connection/state-feed.js';
import { KeptToken } from '../connection/token.js';
import { byId, within, write } from '../dom.js';
import { shapeOf } from '../format.js';
import { showHint } from '../hints.js';
import { listenToKeys } from '../keys.js';
import { Badge } from '../player/badge.js';
import { Screen } from '../player/screen.js';
import { enterPictureInPicture, toggleFullScreen } from '../player/window-modes.js';

/** @typedef {import('../connection/state-feed.js').ServerState} ServerState */
/** @typedef {import('../connection/state-feed.js').StreamReport} StreamReport */

const DRAW_INTERVAL_MS = 500;
const WATCH_INTERVAL_MS = 1000;

const NO_TOKEN = 'Add #token=… with a play token to the address of this player.';
const NOT_ACCEPTED = 'The server did not accept the token of this address.';

const token = new KeptToken();
const name = decodeURIComponent(location.pathname.split('/').at(-1) ?? '');
const query = new URLSearchParams(location.search);
const variant = query.get('variant') === 'source' ? 'source' : 'upconverted';
const wished = query.get('badge');

const root = byId('screen', HTMLElement);
const screen = new Screen(root, () => token.headers());
const badge = new Badge(within(root, '.badge', HTMLElement), () => screen.ledger.counts());
const notice = within(root, '.notice', HTMLElement);
const pausedMark = byId('paused', HTMLButtonElement);

/** @type {StreamReport | undefined} */
let stream;
/** @type {'asking' | 'reachable' | 'unreachable'} */
let server = 'asking';
/** @type {{ headline: string, detail: string } | undefined} */
let obstacle;
/** @type {string | undefined} */
let startedAt;

/** @param {ServerState} state */
function show(state) {
  const restarted = startedAt !== undefined && startedAt !== state.startedAt;
  startedAt = state.startedAt;
  server = 'reachable';
  stream = state.streams.find((one) => one.name === name);
  obstacle = stream ? undefined : { headline: 'No such stream', detail: `This server has no stream “${name}”.` };
  badge.on = wished === null ? (stream?.badge ?? false) : wished === 'on';
  // Picture-in-picture shows the bare video.
  screen.video.disablePictureInPicture = badge.on;
  const { notice: text = '' } = stream ?? {};
  notice.hidden = text === '';
  write(notice, text);
  root.style.setProperty('--stretch', shapeOf(stream?.source).stretch);
  if (!stream) screen.play(undefined);
  else if (!screen.playing) screen.play(whepAddress(name, variant));
  else if (restarted) screen.reconnect();
}

const feed = new StateFeed({
  token,
  onState: show,
  onUnreachable: (locked) => {
    stream = undefined;
    server = locked ? 'reachable' : 'unreachable';
    if (!locked) return;
    feed.stop();
    obstacle = { headline: 'Token required', detail: token.known ? NOT_ACCEPTED : NO_TOKEN };
  },
});

function togglePause() {
  pausedMark.hidden = !pausedMark.hidden;
  screen.setPaused(!pausedMark.hidden);
}

async function togglePictureInPicture() {
  if (document.pictureInPictureElement) await document.exitPictureInPicture();
  else if (badge.on) showHint('Picture-in-picture cannot show the badge');
  else showHint(await enterPictureInPicture(screen.video));
}

screen.onFrame = (record) => badge.onFrame(record);
screen.video.ondblclick = () => toggleFullScreen(root);
pausedMark.onclick = togglePause;
document.title = `${name} · framelift`;
write(byId('title', HTMLElement), `Live video of ${name}`);
listenToKeys({
  'full-screen': () => toggleFullScreen(root),
  pause: togglePause,
  sound: () => showHint(screen.sound.toggle()),
  'picture-in-picture': () => void togglePictureInPicture(),
});
addEventListener('hashchange', () => {
  if (!token.takeFromAddress()) return;
  feed.start();
  screen.reconnect();
});
addEventListener('pagehide', () => {
  feed.stop();
  screen.play(undefined);
});
addEventListener('pageshow', ({ persisted }) => persisted && feed.start());
document.addEventListener('visibilitychange', () => document.hidden || screen.wake());
setInterval(() => {
  badge.refresh();
  screen.drawOverlay({ stream, server, obstacle });
}, DRAW_INTERVAL_MS);
setInterval(() => void screen.watch(stream !== undefined && stream.state !== 'waiting'), WATCH_INTERVAL_MS);
feed.start();
