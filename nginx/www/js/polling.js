/** Asking again every few seconds, for as long as there is something to ask about and somebody who looks at it. */

const EVERY_MS = 2500;

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
    if (wanted && !asking && !document.hidden && !signal.aborted) timer = setTimeout(turn, EVERY_MS);
  };
  const turn = async () => {
    asking = true;
    // One that fails is no harm: the next one tells it.
    wanted = await ask().catch(() => !signal.aborted);
    asking = false;
    next();
  };
  document.addEventListener('visibilitychange', next, { signal });
  signal.addEventListener('abort', () => clearTimeout(timer), { once: true });
  return () => {
    wanted = true;
    next();
  };
}
