/**
 * What changes, told by the server as it does (docs/decisions/events.md): one stream for all tabs of this browser, kept
 * by the tab that holds a Web Lock and passed on to the others. Where there is none, `isLive` says so, and views ask
 * every few seconds instead (polling.js).
 */

import * as session from './session.js';

/** @typedef {'job'|'making'|'upload'|'playback'|'scan'} Kind */

const KINDS = /** @type {Kind[]} */ (['job', 'making', 'upload', 'playback', 'scan']);
const NAME = 'kinetoscope.events';
/** After a refusal, doubled each time. One that breaks is begun again by the browser itself, as the server told it. */
const FIRST_PAUSE_MS = 5000;
const LONGEST_PAUSE_MS = 300_000;
/** From one view to the next the stream stays. */
const LINGER_MS = 5000;

const heard = new EventTarget();
let hearers = 0;
let live = false;
let last = '';
let lingering = 0;
/** While somebody in this tab listens. @type {?AbortController} */
let attending = null;
/** @type {?BroadcastChannel} */
let channel = null;
let leading = false;

/** @returns {boolean} whether all that changes is told */
export function isLive() {
  return live;
}

/**
 * @param {Kind} kind
 * @param {(content: any) => void} take
 * @param {AbortSignal} signal  the view's
 */
export function hear(kind, take, signal) {
  heard.addEventListener(kind, (event) => take(/** @type {CustomEvent} */ (event).detail), { signal });
  hearers += 1;
  clearTimeout(lingering);
  attend();
  const leave = () => {
    hearers -= 1;
    if (hearers === 0) lingering = setTimeout(stop, LINGER_MS);
  };
  signal.addEventListener('abort', leave, { once: true });
}

/**
 * @param {() => void} take  when `isLive` is another; what happened before that, a view has to ask for
 * @param {AbortSignal} signal
 */
export function onTurn(take, signal) {
  heard.addEventListener('turn', take, { signal });
}

/**
 * The next event of a kind that is meant.
 * @param {Kind} kind
 * @param {(content: any) => boolean} isMeant
 * @param {number} longest  ms
 * @param {AbortSignal} signal
 * @returns {Promise<void>} or when the time is over
 */
export function next(kind, isMeant, longest, signal) {
  return new Promise((resolve) => {
    const over = new AbortController();
    const done = () => {
      over.abort();
      resolve();
    };
    const either = AbortSignal.any([signal, over.signal]);
    const timer = setTimeout(done, longest);
    either.addEventListener('abort', () => clearTimeout(timer), { once: true });
    signal.addEventListener('abort', done, { once: true, signal: over.signal });
    hear(kind, (content) => isMeant(content) && done(), either);
  });
}

function attend() {
  const role = session.user()?.role;
  if (attending || !role || role === 'guest' || typeof EventSource === 'undefined') return;
  attending = new AbortController();
  const { signal } = attending;
  if (!navigator.locks || typeof BroadcastChannel === 'undefined') {
    // A stream for each tab.
    void lead(signal);
    return;
  }
  channel = new BroadcastChannel(NAME);
  channel.onmessage = ({ data }) => {
    if (data.asks) {
      if (leading) channel?.postMessage({ live });
    } else if ('live' in data) {
      turn(data.live);
    } else {
      tell(data.kind, data.content, data.id);
    }
  };
  channel.postMessage({ asks: true });
  navigator.locks.request(NAME, { signal }, () => lead(signal)).catch(() => undefined);
}

function stop() {
  attending?.abort();
  channel?.close();
  attending = channel = null;
  last = '';
  turn(false);
}

/**
 * Keeps a stream open, and ends with the signal.
 * @param {AbortSignal} signal
 */
async function lead(signal) {
  leading = true;
  turn(false);
  channel?.postMessage({ live });
  for (let wait = FIRST_PAUSE_MS; !signal.aborted && session.user(); wait = Math.min(2 * wait, LONGEST_PAUSE_MS)) {
    // The one that begins the stream may have run out; whoever is signed out meanwhile is told elsewhere.
    if (session.stale()) await session.renew(Date.now()).catch(() => undefined);
    if (signal.aborted) break;
    if (await follow(signal)) wait = FIRST_PAUSE_MS;
    await pause(wait, signal);
  }
  leading = false;
}

/**
 * @param {AbortSignal} signal
 * @returns {Promise<boolean>} at its end: whether it had begun
 */
function follow(signal) {
  return new Promise((resolve) => {
    let begun = false;
    const source = new EventSource(`/api/v1/events${last ? `?after=${last}` : ''}`);
    const end = () => {
      source.close();
      announce(false);
      signal.removeEventListener('abort', end);
      resolve(begun);
    };
    for (const kind of KINDS) {
      source.addEventListener(kind, ({ data, lastEventId }) => {
        const content = JSON.parse(data);
        tell(kind, content, lastEventId);
        channel?.postMessage({ kind, content, id: lastEventId });
      });
    }
    // All that was missed is told by now.
    source.addEventListener('hello', ({ lastEventId }) => {
      begun = true;
      last = lastEventId;
      announce(true);
    });
    source.onerror = () => {
      // Refused: the browser does not ask again.
      if (source.readyState === EventSource.CLOSED) end();
      else announce(false);
    };
    signal.addEventListener('abort', end, { once: true });
  });
}

/** @param {Kind} kind @param {unknown} content @param {string} id */
function tell(kind, content, id) {
  last = id;
  heard.dispatchEvent(new CustomEvent(kind, { detail: content }));
}

/** @param {boolean} now */
function announce(now) {
  turn(now);
  channel?.postMessage({ live: now });
}

/** @param {boolean} now */
function turn(now) {
  if (live === now) return;
  live = now;
  heard.dispatchEvent(new Event('turn'));
}

/** @param {number} milliseconds @param {AbortSignal} signal @returns {Promise<void>} */
function pause(milliseconds, signal) {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve();
    const timer = setTimeout(resolve, milliseconds);
    signal.addEventListener('abort', () => resolve(clearTimeout(timer)), { once: true });
  });
}

// Somebody else may have come in.
session.events.addEventListener('change', () => {
  stop();
  if (hearers > 0) attend();
});
