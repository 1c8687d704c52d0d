/** The page: which stream, which view, and what is known of it. */

import { Stage } from './player/views.js';
import { Publisher } from './publish.js';
import { Panel } from './readings.js';
import { Live } from './state-feed.js';
import { linked, StreamList } from './streams.js';
import { Access } from './token.js';

/** Milliseconds between two updates of the readings. */
const DRAW_EVERY = 500;
/** A connection that shows nothing for this long although the stream is live is made anew. */
const STUCK = 8000;

let chosen;
/** The last answer of the server; undefined while it cannot be reached. */
let answer;
let instance;
/** True when the chosen stream has said whether its pictures are badged. */
let badgeSaid = false;

const stream = () => answer?.streams.find(({ name }) => name === chosen);

const access = new Access(() => {
  live.start();
  stage.reconnect();
});
const panel = new Panel();
const list = new StreamList();
const publisher = new Publisher((name) => answer?.streams.find((one) => one.name === name)?.state);
const stage = new Stage({
  headers: () => access.headers(),
  onLocked: () => access.ask(),
  onView: () => {
    remember();
    stage.connect(stream()?.whep);
  },
});

/** The view is part of the address, as the stream is. */
function remember() {
  const address = new URL(location.href);
  if (stage.view === 'both') address.searchParams.delete('view');
  else address.searchParams.set('view', stage.view);
  history.replaceState(null, '', address);
}

/** Turns to the stream that the address names, else stays with the present one, else takes the first. */
function choose() {
  const next = linked() ?? (stream() ? chosen : answer?.streams[0]?.name);
  if (next === chosen) return;
  chosen = next;
  badgeSaid = false;
  document.title = chosen === undefined ? 'framelift' : `${chosen} · framelift`;
  document.getElementById('stream-name').textContent = chosen ?? '';
  stage.disconnect();
  panel.clear();
}

/** Shows what the server last said. */
function show() {
  choose();
  list.report(answer.streams, chosen);
  publisher.report(answer.streams);
  const current = stream();
  stage.connect(current?.whep);
  if (!current) {
    panel.state(chosen === undefined ? 'waiting' : 'unknown', chosen === undefined ? 'No stream is configured.' : '');
    return;
  }
  panel.report(current, answer.providers);
  // Without a source, the reason stands where the picture would be.
  panel.state(current.state, current.state === 'waiting' ? '' : (current.error ?? current.reason));
  if (!badgeSaid) stage.setBadge(current.badge === true);
  badgeSaid = true;
}

const live = new Live({
  access,
  take: (said) => {
    answer = said;
    const restarted = instance !== undefined && instance !== answer.startedAt;
    instance = answer.startedAt;
    for (const screen of Object.values(stage.screens)) void screen.measureWay();
    document.getElementById('version').textContent = answer.version;
    show();
    if (restarted) stage.reconnect();
  },
  lose: (locked) => {
    answer = undefined;
    if (locked) {
      live.stop();
      access.ask();
      panel.state('locked');
    } else panel.state('unreachable', 'Trying again every second.');
  },
});

/**
 * The most complete latency that can be known: from capture where the browser tells it, else the server's part plus the
 * network's and the player's, else the server's alone. It says which.
 */
function latencyOf(variant) {
  const seen = stage.screens[variant].latency();
  if (seen) return { ...seen, span: 'capture to screen', parts: `p95 ${seen.p95.toFixed(0)} ms` };
  const server = stream()?.stats.latencyMs[variant];
  if (!server) return undefined;
  const player = stage.screens[variant].delay();
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
  for (const variant of stage.shown) {
    const screen = stage.screens[variant];
    // While it waits, the server repeats the last picture now and then: that is no rate.
    const rate = waiting === undefined ? screen.rate().fps : 0;
    fps[variant] = rate;
    latency[variant] = latencyOf(variant);
    screen.figure.querySelector('.value').textContent = rate >= 0.05 ? rate.toFixed(1) : '–';
    screen.cover({ waiting, reachable: answer !== undefined, missing: answer !== undefined && !current });
    if (screen.connected && screen.silence > STUCK && current && waiting === undefined) screen.reconnect();
  }
  stage.draw();
  panel.live({ fps, latency, shown: stage.shown, counts: stage.explains ? stage.main.ledger.counts() : undefined });
}

addEventListener('hashchange', () => {
  // Back to the address without a stream is back to the first one.
  if (linked() === undefined) chosen = undefined;
  if (answer) show();
});
document.getElementById('unlock').addEventListener('click', () => access.ask());
addEventListener('pagehide', () => {
  live.stop();
  stage.disconnect();
  publisher.stop();
});
addEventListener('pageshow', (event) => {
  if (!event.persisted) return;
  stage.connect(stream()?.whep);
  live.start();
});

/** For tests and the curious: what is presented, in numbers. */
window.framelift = {
  stats: () => ({
    stream: chosen,
    view: stage.view,
    state: stream()?.state,
    through: live.through,
    latency: Object.fromEntries(stage.shown.map((variant) => [variant, latencyOf(variant)])),
    ...Object.fromEntries(
      Object.entries(stage.screens).map(([variant, screen]) => {
        const { count, fps } = screen.rate();
        const { connected, presented, size, ledger } = screen;
        const origins = { counts: ledger.counts(), records: ledger.received };
        return [variant, { connected, presented, lastSecond: count, fps, ...size, origins }];
      }),
    ),
    server: stream(),
  }),
};

stage.setView(new URLSearchParams(location.search).get('view'));
setInterval(draw, DRAW_EVERY);
live.start();
