/**
 * Asking again every few seconds, for as long as there is something to ask about and somebody who looks at it. While the
 * server tells what changes (events.js), once a minute, for a line that is dead and says nothing.
 */

import * as events from './events.js';

const EVERY_MS = 2500;
const EVERY_MS_WHILE_TOLD = 60_000;

/**
 * @param {() => Promise<boolean>} ask  answers whether to ask again
 * @param {AbortSignal} signal  the view's
 * @returns {() => void} begins
 */
export function polling(ask, signal) {
  let timer = 0;
  let wanted = false;
  let asking = false;
  const next = () => {
    clearTimeout(timer);
    if (!wanted || asking || document.hidden || signal.aborted) return;
    timer = setTimeout(turn, events.isLive() ? EVERY_MS_WHILE_TOLD : EVERY_MS);
  };
  const turn = async () => {
    clearTimeout(timer);
    asking = true;
    // One that fails is no harm: the next one tells it.
    wanted = await ask().catch(() => !signal.aborted);
    asking = false;
    next();
  };
  // What happened before it was told.
  events.onTurn(() => (events.isLive() && wanted && !asking ? void turn() : next()), signal);
  document.addEventListener('visibilitychange', next, { signal });
  signal.addEventListener('abort', () => clearTimeout(timer), { once: true });
  return () => {
    wanted = true;
    next();
  };
}

/**
 * Asks soon, and once for all who want it meanwhile.
 * @param {() => void} ask
 * @param {AbortSignal} signal
 * @returns {() => void}
 */
export function soon(ask, signal) {
  let timer = 0;
  signal.addEventListener('abort', () => clearTimeout(timer), { once: true });
  return () => {
    if (timer || signal.aborted) return;
    timer = setTimeout(() => {
      timer = 0;
      ask();
    }, SOON_MS);
  };
}

const SOON_MS = 500;
