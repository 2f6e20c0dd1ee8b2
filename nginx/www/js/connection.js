/** Is the server there? Known from the browser's own events and from the last request. */

/** Fires `change`. */
export const events = new EventTarget();

let away = !navigator.onLine;

export function offline() {
  return away;
}

/** A request found nobody. */
export function lost() {
  become(true);
}

/** A request was answered, whatever the answer. */
export function found() {
  become(false);
}

/**
 * Resolves when the server may be there again.
 * @param {AbortSignal} signal
 * @returns {Promise<void>}
 */
export function back(signal) {
  if (!away) return Promise.resolve();
  return new Promise((resolve, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason), { once: true });
    events.addEventListener(
      'change',
      () => {
        if (!away) resolve();
      },
      { signal },
    );
  });
}

/** @param {boolean} now */
function become(now) {
  if (now === away) return;
  away = now;
  events.dispatchEvent(new Event('change'));
  if (away) setTimeout(knock, 1000);
}

/** Asks the server's own health until it answers: a network may be up while the box is not. */
async function knock() {
  if (!away) return;
  if (navigator.onLine) {
    try {
      await fetch('/health', { cache: 'no-store', signal: AbortSignal.timeout(5000) });
      become(false);
      return;
    } catch {
      // Still away; asked again below.
    }
  }
  setTimeout(knock, 5000);
}

addEventListener('offline', () => become(true));
addEventListener('online', () => {
  void knock();
});
