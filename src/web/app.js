/** The page: which stream, which view, and what is known of it. */
import { byId, within } from './dom.js';
import { frameRate } from './format.js';
import { Views } from './player/views.js';
import { Publisher } from './publish.js';
import { Readings, totalLatency } from './readings.js';
import { StateFeed } from './state-feed.js';
import { addressedStream, StreamList } from './streams.js';
import { PlaybackToken } from './token.js';

/** @typedef {import('./state-feed.js').ServerState} ServerState */
/** @typedef {import('./state-feed.js').StreamReport} StreamReport */
/** @typedef {import('./state-feed.js').Variant} Variant */

/** Milliseconds between two updates of the readings. */
const DRAW_INTERVAL_MS = 500;
/** A connection that presents nothing for this long although the stream is live is made anew. */
const STALL_TIMEOUT_MS = 8000;

/** Name of the stream that is shown. @type {string | undefined} */
let selected;
/**
 * What the server reported last; undefined while it cannot be reached.
 * @type {ServerState | undefined}
 */
let state;
/** When the server was started: another time is another server. @type {string | undefined} */
let startedAt;
/**
 * True when the badge stands as the selected stream asks for it: from then on it is the viewer's.
 */
let badgeApplied = false;

const stream = () => state?.streams.find(({ name }) => name === selected);

const token = new PlaybackToken(() => {
  feed.start();
  views.reconnect();
});
const readings = new Readings();
const list = new StreamList();
const publisher = new Publisher((name) => state?.streams.find((one) => one.name === name)?.state);
const views = new Views({
  headers: () => token.headers(),
  onLocked: () => token.ask(),
  onView: () => {
    keepViewInAddress();
    views.connect(stream()?.whep);
  },
});

/** The view is part of the address, as the stream is. */
function keepViewInAddress() {
  const address = new URL(location.href);
  if (views.view === 'both') address.searchParams.delete('view');
  else address.searchParams.set('view', views.view);
  history.replaceState(null, '', address);
}

/**
 * Turns to the stream that the address names, else stays with the present one, else takes the
 * first.
 */
function selectStream() {
  const next = addressedStream() ?? (stream() ? selected : state?.streams[0]?.name);
  if (next === selected) return;
  selected = next;
  badgeApplied = false;
  document.title = selected === undefined ? 'framelift' : `${selected} · framelift`;
  byId('stream-name', HTMLElement).textContent = selected ?? '';
  views.disconnect();
  readings.clear();
}

/**
 * Why a stream is not as it should be.
 * @param {StreamReport} report
 */
const reasonOf = ({ error, reason }) => error ?? reason;

/**
 * Shows what the server reported last.
 * @param {ServerState} reported
 */
function show({ streams, providers }) {
  selectStream();
  list.update(streams, selected);
  publisher.update(streams);
  const current = stream();
  views.connect(current?.whep);
  if (!current) {
    if (selected === undefined) readings.setState('waiting', 'No stream is configured.');
    else readings.setState('unknown');
    return;
  }
  readings.updateReported(current, providers);
  // Without a source, the reason stands where the video would be.
  readings.setState(current.state, current.state === 'waiting' ? '' : reasonOf(current));
  if (!badgeApplied) views.setBadge(current.badge);
  badgeApplied = true;
}

const feed = new StateFeed({
  token,
  onState: (reported) => {
    state = reported;
    const restarted = startedAt !== undefined && startedAt !== reported.startedAt;
    startedAt = reported.startedAt;
    for (const screen of Object.values(views.screens)) void screen.measureRoundTrip();
    byId('version', HTMLElement).textContent = reported.version;
    show(reported);
    if (restarted) views.reconnect();
  },
  onUnreachable: (locked) => {
    state = undefined;
    if (locked) {
      feed.stop();
      token.ask();
      readings.setState('locked');
    } else readings.setState('unreachable', 'Retrying every second.');
  },
});

/** @param {Variant} variant */
function latencyOf(variant) {
  const screen = views.screens[variant];
  const server = stream()?.stats.latencyMs[variant];
  return totalLatency({ capture: screen.latency(), server, player: screen.playerDelay() });
}

function draw() {
  const current = stream();
  const waiting = current?.state === 'waiting' ? (reasonOf(current) ?? '') : undefined;
  /** @type {Partial<Record<Variant, number>>} */
  const fps = {};
  /** @type {Partial<Record<Variant, ReturnType<typeof latencyOf>>>} */
  const latency = {};
  for (const variant of views.shown) {
    const screen = views.screens[variant];
    // While it waits, the server repeats the last frame now and then: that is no rate.
    const rate = waiting === undefined ? screen.rate().fps : 0;
    fps[variant] = rate;
    latency[variant] = latencyOf(variant);
    within(screen.figure, '.value', HTMLElement).textContent = frameRate(rate);
    screen.drawOverlay({ waiting, reachable: state !== undefined, missing: state !== undefined && !current });
    const stalled = screen.connected && screen.silenceMs > STALL_TIMEOUT_MS;
    if (stalled && current && waiting === undefined) screen.reconnect();
  }
  views.draw();
  const counts = views.provenanceKnown ? views.main.ledger.counts() : undefined;
  readings.updateMeasured({ fps, latency, shown: views.shown, counts });
}

addEventListener('hashchange', () => {
  // Back to the address without a stream is back to the first one.
  if (addressedStream() === undefined) selected = undefined;
  if (state) show(state);
});
byId('unlock', HTMLButtonElement).addEventListener('click', () => token.ask());
addEventListener('pagehide', () => {
  feed.stop();
  views.disconnect();
  publisher.stop();
});
addEventListener('pageshow', (event) => {
  if (!event.persisted) return;
  views.connect(stream()?.whep);
  feed.start();
});

/**
 * @param {Variant} variant
 * @returns {import('./browser.d.ts').ScreenStats}
 */
function screenStats(variant) {
  const screen = views.screens[variant];
  const { connected, presented, size, ledger } = screen;
  const { count, fps } = screen.rate();
  const origins = { counts: ledger.counts(), records: ledger.received };
  return { connected, presented, lastSecond: count, fps, ...size, origins };
}

/** For tests and the curious: what is presented, in numbers. */
window.framelift = {
  stats: () => ({
    stream: selected,
    view: views.view,
    state: stream()?.state,
    transport: feed.transport,
    latency: Object.fromEntries(views.shown.map((variant) => [variant, latencyOf(variant)])),
    source: screenStats('source'),
    upconverted: screenStats('upconverted'),
    server: stream(),
  }),
};

views.setView(new URLSearchParams(location.search).get('view'));
setInterval(draw, DRAW_INTERVAL_MS);
feed.start();
