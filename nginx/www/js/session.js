/**
 * Who is signed in. The tokens are cookies that no script can read; what is kept here is only that there is a session
 * and until when its access cookie lasts, so that a page knows whether to ask and every tab knows when one signed out.
 */

import { send } from './http.js';
import { Problem } from './problems.js';

/** @typedef {import('./types.js').User} User */
/** @typedef {{user: User, expiresAt: number, renewedAt: number}} SessionRecord  times in ms since the epoch */

const RECORD = 'kinetoscope.session';
const LOCK = 'kinetoscope.refresh';
/** Renewed this long before the access cookie ends, so that posters and calls don't meet the end. */
const MARGIN_MS = 20_000;
const ENDED = 'Your session has ended. Please sign in again.';

/** Fires `change` when somebody signs in or out, in this tab or another; its `detail` is what to tell who did not do it. */
export const events = new EventTarget();

/** @type {?SessionRecord} */
let record = stored();

/** @returns {?User} */
export function user() {
  return record?.user ?? null;
}

/** @returns {boolean} */
export function stale() {
  return record !== null && Date.now() > record.expiresAt - MARGIN_MS;
}

/**
 * Sends what proves somebody to be somebody, by whichever way in, and keeps the session that is answered.
 * @param {'login'|'second-factor'|'passkey'|'guest'} way
 * @param {Record<string, unknown>} [proof]
 */
export async function enter(way, proof = {}) {
  keep(await send('POST', `/auth/${way}`, { body: { ...proof, device: device(), cookies: true } }), true);
}

/**
 * Ends the session on the server, by whichever of its two cookies still lives. When nobody answers, the cookies still
 * work, so the page stays signed in.
 */
export async function signOut() {
  try {
    await send('POST', '/auth/logout', { body: {} });
  } catch (error) {
    // 401: it had ended already.
    if (!(error instanceof Problem && error.status === 401)) throw error;
  }
  forget();
}

/**
 * The session is over: forget it here and in every other tab.
 * @param {string} [why]  when it was not the person in front of this page who ended it
 */
export function forget(why = '') {
  if (record === null) return;
  record = null;
  try {
    localStorage.removeItem(RECORD);
  } catch {
    // Storage is switched off: this tab's own memory has to do.
  }
  changed(why);
}

/** @type {?Promise<void>} */
let flight = null;

/**
 * A fresh access cookie. A refresh token is good for one use, and a second one of a spent token ends the session, so there
 * is one exchange at a time: one promise in this tab, one Web Lock across the tabs of this browser.
 * @param {number} since  ms: nothing to do if another tab renewed after this moment
 * @returns {Promise<void>}
 */
export function renew(since) {
  flight ??= exclusively(() => exchange(since)).finally(() => {
    flight = null;
  });
  return flight;
}

/** @param {number} since */
async function exchange(since) {
  record = stored() ?? record;
  if (record === null) throw new Problem({ status: 401, code: 'session' });
  if (record.renewedAt > since) return;
  try {
    keep(await send('POST', '/auth/refresh', { body: {} }));
  } catch (error) {
    if (error instanceof Problem && [400, 401, 403].includes(error.status)) forget(ENDED);
    throw error;
  }
}

/**
 * Does the work, or waits until another tab has done it: what that tab stored may not be seen here yet, but its cookie
 * is everybody's.
 * @param {() => Promise<void>} work
 * @returns {Promise<void>}
 */
async function exclusively(work) {
  if (!navigator.locks) return void (await work());
  const mine = await navigator.locks.request(LOCK, { ifAvailable: true }, async (lock) => {
    if (lock) await work();
    return lock !== null;
  });
  if (!mine) await navigator.locks.request(LOCK, () => undefined);
}

/**
 * @param {{expires_in?: number, user?: User}} answer
 * @param {boolean} [entered]  somebody has just come in, who may be who was here before
 */
function keep(answer, entered = false) {
  const known = answer.user ?? record?.user;
  if (!known) throw new Problem({ status: 502, code: 'contract' });
  const another = entered || record?.user.id !== known.id;
  const now = Date.now();
  record = { user: known, expiresAt: now + (answer.expires_in ?? 600) * 1000, renewedAt: now };
  try {
    localStorage.setItem(RECORD, JSON.stringify(record));
  } catch {
    // See forget().
  }
  if (another) changed();
}

/** @param {string} [why] */
function changed(why = '') {
  events.dispatchEvent(new CustomEvent('change', { detail: why }));
}

/** @returns {?SessionRecord} */
function stored() {
  try {
    const found = JSON.parse(localStorage.getItem(RECORD) ?? 'null');
    return typeof found?.user?.username === 'string' && Number.isFinite(found.expiresAt) ? found : null;
  } catch {
    return null;
  }
}

/** "Chrome on Linux", for the list of devices and running streams. */
export function device() {
  const agent = navigator.userAgent;
  const browser = ['Firefox', 'Edg', 'OPR', 'Chrome', 'Safari'].find((name) => agent.includes(`${name}/`)) ?? 'Browser';
  const named = { Edg: 'Edge', OPR: 'Opera' }[browser] ?? browser;
  const system = [
    ['iPhone', /iPhone/],
    ['iPad', /iPad/],
    ['Android', /Android/],
    ['Windows', /Windows/],
    ['macOS', /Mac OS/],
    ['Linux', /Linux/],
  ].find(([, pattern]) => /** @type {RegExp} */ (pattern).test(agent))?.[0];
  return system ? `${named} on ${system}` : named;
}

addEventListener('storage', (event) => {
  if (event.key !== RECORD && event.key !== null) return;
  const before = record?.user.id;
  record = stored();
  if (record?.user.id !== before) changed();
});
