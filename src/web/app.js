/** The page: which stream, which view, and what is known of it. */
import { fragmentOf } from './address.js';
import { StateFeed } from './connection/state-feed.js';
import { PlaybackToken } from './connection/token.js';
import { byId, within, write } from './dom.js';
import { awaitsPublisher, describeForm, describeWaiting, frameRate, isSilent } from './format.js';
import { KeyHelp, showHint } from './hints.js';
import { listenToKeys } from './keys.js';
import { Views } from './player/views.js';
import { Publisher } from './publish.js';
import { Readings, totalLatency } from './readings.js';
import { RecordingList } from './recordings/list.js';
import { addressedStream, StreamList } from './streams.js';
import { VacancyPanel, vacancyOf } from './vacancy.js';

/** @typedef {import('./connection/state-feed.js').ServerState} ServerState */
/** @typedef {import('./connection/state-feed.js').StreamReport} StreamReport */
/** @typedef {import('./connection/state-feed.js').Variant} Variant */

/** Milliseconds between two updates of the readings. */
const DRAW_INTERVAL_MS = 500;
/** Milliseconds between two looks at what arrives. */
const WATCH_INTERVAL_MS = 1000;

/** Name of the stream that is shown. @type {string | undefined} */
let selected;
/**
 * What the server reported last; undefined while it cannot be reached.
 * @type {ServerState | undefined}
 */
let state;
/** How the server answers; `asking` until it is known. @type {'asking' | 'reachable' | 'unreachable' | 'locked'} */
let server = 'asking';
/** When the server was started: another time is another server. @type {string | undefined} */
let startedAt;
/**
 * True when the badge stands as the selected stream asks for it: from then on it is the viewer's.
 */
let badgeApplied = false;

const stream = () => state?.streams.find(({ name }) => name === selected);

const token = new PlaybackToken(takeUpToken);
const readings = new Readings();
const list = new StreamList();
const publisher = new Publisher((name) => state?.streams.find((one) => one.name === name)?.state);
const views = new Views({
  headers: () => token.headers(),
  onLocked: () => token.ask(),
  onView: () => {
    keepViewInAddress();
    views.connect(stream()?.name);
  },
});
const recordings = new RecordingList(() => token.headers());
const vacancy = new VacancyPanel(() => token.ask());
const help = new KeyHelp();

/** A token was entered, or came with the address. */
function takeUpToken() {
  server = 'asking';
  feed.start();
  views.reconnect();
}

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
  if (views.paused) views.togglePause();
  views.disconnect();
  readings.clear();
}

/** What the state above the video is called, and why it is so. @param {StreamReport} report */
function showState(report) {
  const { state: name, error, reason } = report;
  // Without a source, the reason stands where the video would be.
  if (name !== 'waiting') readings.setState(name, error ?? reason);
  else readings.setState(awaitsPublisher(report) ? 'idle' : name, '', describeWaiting(report).headline);
}

/** Offers ways on where there is nothing to play. */
function showVacancy() {
  const names = state?.streams.map(({ name }) => name);
  // What plays without a token that is asked for by now goes on.
  const locked = server === 'locked' && !views.main.connected;
  vacancy.show(vacancyOf({ locked, names, selected }));
}

/** @param {number} step to another stream in the order of the list. Returns false where there is none. */
function goToStream(step) {
  const streams = state?.streams ?? [];
  const at = streams.findIndex(({ name }) => name === selected);
  const next = streams[(at + step + streams.length) % streams.length];
  if (!next || next.name === selected) return false;
  location.hash = fragmentOf(next.name);
  return true;
}

/**
 * Shows what the server reported last.
 * @param {ServerState} reported
 */
function show({ streams, providers }) {
  selectStream();
  list.update(streams, selected);
  publisher.update(streams);
  const current = stream();
  views.connect(current?.name);
  recordings.update(current);
  showVacancy();
  if (!current) {
    readings.setState(streams.length === 0 ? 'empty' : 'unknown');
    return;
  }
  readings.updateReported(current, providers);
  showState(current);
  if (!badgeApplied) views.setBadge(current.badge);
  badgeApplied = true;
}

const feed = new StateFeed({
  token,
  onState: (reported) => {
    state = reported;
    server = 'reachable';
    delete document.body.dataset.stale;
    const restarted = startedAt !== undefined && startedAt !== reported.startedAt;
    startedAt = reported.startedAt;
    byId('version', HTMLElement).textContent = reported.version;
    show(reported);
    if (restarted) views.reconnect();
  },
  onUnreachable: (locked) => {
    state = undefined;
    server = locked ? 'locked' : 'unreachable';
    // What was reported last is no longer known to be so.
    document.body.dataset.stale = '';
    list.forget();
    showVacancy();
    if (locked) {
      feed.stop();
      token.ask();
      readings.setState('locked');
    } else readings.setState('unreachable', 'Retrying every second.');
  },
});

/**
 * Whether this viewer is sent the source's own bytes.
 * @param {(typeof views.screens)['source']} screen
 */
function showForm(screen) {
  const name = within(screen.figure, '.name', HTMLElement);
  write(name, describeForm(screen.ledger.passed));
  name.title = stream()?.sourceVariant.reason ?? '';
}

/** @param {Variant} variant */
function latencyOf(variant) {
  const screen = views.screens[variant];
  const arrivalToSent = stream()?.stats.latencyMs[variant];
  return totalLatency({ capture: screen.latency(), server: arrivalToSent, player: screen.playerDelay() });
}

function draw() {
  const current = stream();
  /** @type {Partial<Record<Variant, number | undefined>>} */
  const fps = {};
  /** @type {Partial<Record<Variant, ReturnType<typeof latencyOf>>>} */
  const latency = {};
  for (const variant of views.shown) {
    const screen = views.screens[variant];
    // While it waits, the server repeats the last frame now and then: that is no rate. Hidden or
    // paused, nothing is presented, and that is none either.
    const rate = isSilent(current) ? 0 : screen.rate().fps;
    fps[variant] = document.hidden || views.paused ? undefined : rate;
    latency[variant] = latencyOf(variant);
    within(screen.figure, '.value', HTMLElement).textContent = frameRate(fps[variant]);
    if (variant === 'source') showForm(screen);
    screen.drawOverlay({ stream: current, server: server === 'locked' ? 'reachable' : server });
  }
  views.draw();
  const counts = views.provenanceKnown ? views.main.ledger.counts() : undefined;
  readings.updateMeasured({ fps, latency, shown: views.shown, counts });
}

function watch() {
  const current = stream();
  const live = current !== undefined && current.state !== 'waiting';
  for (const variant of views.shown) void views.screens[variant].watch(live);
}

addEventListener('hashchange', () => {
  if (token.takeFromAddress()) takeUpToken();
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
  views.connect(stream()?.name);
  feed.start();
});
document.addEventListener('visibilitychange', () => document.hidden || views.wake());

listenToKeys(
  {
    'full-screen': () => views.toggleFullScreen(),
    pause: () => views.togglePause(),
    sound: () => showHint(views.toggleSound()),
    'picture-in-picture': () => void views.togglePictureInPicture().then(showHint),
    view: () => views.nextView(),
    left: () => views.moveSlider(-1) || goToStream(-1),
    right: () => views.moveSlider(1) || goToStream(1),
    // Else they scroll.
    up: () => document.fullscreenElement !== null && goToStream(-1),
    down: () => document.fullscreenElement !== null && goToStream(1),
    help: () => help.open(),
  },
  () => help.keysOn,
);

/**
 * @param {Variant} variant
 * @returns {import('./browser.d.ts').ScreenStats}
 */
function screenStats(variant) {
  const screen = views.screens[variant];
  const { connected, connections, presented, size, ledger } = screen;
  const { count, fps } = screen.rate();
  const origins = { counts: ledger.counts(), records: ledger.received };
  return { connected, connections, presented, lastSecond: count, fps, ...size, origins };
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
setInterval(watch, WATCH_INTERVAL_MS);
feed.start();
