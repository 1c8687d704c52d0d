/** The page: which stream, which view, and what is known of it. */
import { Live } from './live.js';
import { Panel } from './panel.js';
import { Screen } from './player.js';

/** Milliseconds between two updates of the readings. */
const DRAW_EVERY = 500;
/** A connection that shows nothing for this long although the stream is live is made anew. */
const STUCK = 8000;

const panel = new Panel();
const screens = Object.fromEntries(
  [...document.querySelectorAll('figure')].map((figure) => [figure.dataset.variant, new Screen(figure)]),
);
const picker = document.getElementById('streams');
const wanted = new URLSearchParams(location.search);

let view = ['both', 'upconverted', 'source'].includes(wanted.get('view')) ? wanted.get('view') : 'both';
let chosen;
/** The last answer of the server; undefined while it cannot be reached. */
let answer;
let instance;

const shown = () => (view === 'both' ? ['source', 'upconverted'] : [view]);
const stream = () => answer?.streams.find(({ name }) => name === chosen);

/** Connects what is shown, and only that. */
function connect() {
  const paths = stream()?.whep;
  for (const [variant, screen] of Object.entries(screens)) {
    const show = shown().includes(variant) && paths;
    if (!show) screen.play(undefined);
    else if (!screen.playing) screen.play(paths[variant]);
  }
}

function remember() {
  const query = new URLSearchParams();
  if (answer?.streams.length > 1) query.set('stream', chosen);
  if (view !== 'both') query.set('view', view);
  history.replaceState(null, '', query.size ? `?${query}` : location.pathname);
}

function setView(next) {
  view = next;
  document.getElementById('screens').dataset.view = view;
  for (const input of document.querySelectorAll('[name="view"]')) input.checked = input.value === view;
}

function choose(name) {
  chosen = name;
  document.title = `${name} · framelift`;
  document.getElementById('stream-name').textContent = answer.streams.length > 1 ? '' : name;
  for (const screen of Object.values(screens)) screen.play(undefined);
  panel.clear();
  connect();
}

/** Names in the picker; it is only there when there is a choice. */
function listStreams(streams) {
  const names = streams.map(({ name }) => name);
  if (names.join() !== [...picker.options].map(({ value }) => value).join()) {
    picker.replaceChildren(...names.map((name) => new Option(name, name)));
  }
  picker.hidden = names.length < 2;
  if (names.length > 0 && !names.includes(chosen)) {
    choose(names.includes(wanted.get('stream')) ? wanted.get('stream') : names[0]);
  }
  picker.value = chosen ?? '';
}

const live = new Live(
  (said) => {
    answer = said;
    const restarted = instance !== undefined && instance !== answer.startedAt;
    instance = answer.startedAt;
    for (const screen of Object.values(screens)) void screen.measureWay();
    document.getElementById('version').textContent = answer.version;
    listStreams(answer.streams);
    if (restarted) for (const screen of Object.values(screens)) screen.reconnect();
    const current = stream();
    if (current) {
      panel.report(current, answer.providers);
      // Without a source, the reason stands where the picture would be.
      panel.state(current.state, current.state === 'waiting' ? '' : (current.error ?? current.reason));
    } else panel.state('waiting', 'No stream is configured.');
  },
  () => {
    answer = undefined;
    panel.state('unreachable', 'Trying again every second.');
  },
);

/**
 * The most complete latency that can be known: from capture where the browser tells it, else the server's part plus the
 * network's and the player's, else the server's alone. It says which.
 */
function latencyOf(variant) {
  const seen = screens[variant].latency();
  if (seen) return { ...seen, span: 'capture to screen', parts: `p95 ${seen.p95.toFixed(0)} ms` };
  const server = stream()?.stats.latencyMs[variant];
  if (!server) return undefined;
  const player = screens[variant].delay();
  const p95 = `p95 ${server.p95.toFixed(0)}`;
  if (!player) return { ...server, span: 'arrival to sent', parts: `${p95} ms` };
  const parts = `server ${server.p50.toFixed(0)} (${p95}), player ${player.p50.toFixed(0)}`;
  return {
    p50: server.p50 + player.p50,
    p95: server.p95 + player.p95,
    span: 'arrival to screen',
    parts,
    server,
    player,
  };
}

function draw() {
  const current = stream();
  const waiting = current?.state === 'waiting' ? (current.error ?? current.reason ?? '') : undefined;
  const fps = {};
  const latency = {};
  for (const variant of shown()) {
    const screen = screens[variant];
    // While it waits, the server repeats the last picture now and then: that is no rate.
    const rate = waiting === undefined ? screen.rate().fps : 0;
    fps[variant] = rate;
    latency[variant] = latencyOf(variant);
    screen.figure.querySelector('.value').textContent = rate >= 0.05 ? rate.toFixed(1) : '–';
    screen.cover(waiting, answer !== undefined);
    if (screen.connected && screen.silence > STUCK && current && waiting === undefined) screen.reconnect();
  }
  panel.live({ fps, latency, shown: shown() });
}

for (const input of document.querySelectorAll('[name="view"]')) {
  input.addEventListener('change', () => {
    setView(input.value);
    remember();
    connect();
  });
}
picker.addEventListener('change', () => {
  choose(picker.value);
  remember();
});
addEventListener('pagehide', () => {
  live.stop();
  for (const screen of Object.values(screens)) screen.play(undefined);
});
addEventListener('pageshow', (event) => {
  if (!event.persisted) return;
  connect();
  live.start();
});

/** For tests and the curious: what is presented, in numbers. */
window.framelift = {
  stats: () => ({
    stream: chosen,
    view,
    state: stream()?.state,
    through: live.through,
    latency: Object.fromEntries(shown().map((variant) => [variant, latencyOf(variant)])),
    ...Object.fromEntries(
      Object.entries(screens).map(([variant, screen]) => {
        const { count, fps } = screen.rate();
        const { connected, presented, size } = screen;
        return [variant, { connected, presented, lastSecond: count, fps, ...size }];
      }),
    ),
    server: stream(),
  }),
};

setView(view);
setInterval(draw, DRAW_EVERY);
live.start();
