/**
 * A title that is made while it is watched: the server lets a request wait until what it asks for is there, and says in
 * the refusal why it does not come.
 */

import { problem } from './http.js';
import { Problem } from './problems.js';

/** @typedef {import('./shaka.js').Shaka} Shaka */
/** @typedef {import('./shaka.js').ShakaPlayer} ShakaPlayer */
/** @typedef {import('./shaka.js').ShakaError} ShakaError */

/** Of shaka.util.Error. */
const BAD_HTTP_STATUS = 1001;
const TIMEOUT = 1003;
const NETWORK = 1;

/** Longer than a request waits for its answer at the server (20 s), and then for the bytes of two seconds of film. */
const PATIENCE = {
  connectionTimeout: 30_000,
  stallTimeout: 10_000,
  timeout: 60_000,
  // What was waited for in vain is being encoded: it is asked for again soon, and four times in all.
  maxAttempts: 4,
  baseDelay: 1000,
  backoffFactor: 1,
  fuzzFactor: 0.2,
};

/** Beside what holds for every manifest (adaptive.js). */
export const SETTINGS_NOW = {
  manifest: { retryParameters: PATIENCE },
  streaming: {
    retryParameters: PATIENCE,
    // What is not there yet costs its encoding: not more of it than is soon seen.
    bufferingGoal: 24,
    // The playlists are exact: what comes before the place that is wanted need not be made.
    inaccurateManifestTolerance: 0,
    // The one picture has no other in its place.
    maxDisabledTime: 0,
  },
};

/** A refusal that says that it is final is not asked for again. @param {ShakaPlayer} player */
export function dontInsist(player) {
  player.getNetworkingEngine()?.addEventListener('retry', (event) => {
    const { error } = /** @type {Event & {error?: ShakaError}} */ (event);
    const status = error && statusOf(error);
    if (status && status < 500 && status !== 429) event.preventDefault();
  });
}

/**
 * Why something did not come.
 * @param {unknown} failure  of shaka-player, or anything else
 * @returns {?Problem} null: nobody said
 */
export function refusalOf(failure) {
  const error = /** @type {Partial<ShakaError>|null|undefined} */ (failure);
  if (error?.category !== NETWORK) return null;
  // Longer than the server lets anything wait.
  if (error.code === TIMEOUT) return new Problem({ status: 503, code: 'being_made' });
  const status = statusOf(error);
  if (!status) return null;
  const [, , text, headers] = error.data ?? [];
  const told = /** @type {Record<string, string>} */ (headers ?? {});
  const retryAfter = told['retry-after'];
  return problem(
    new Response(null, { status, headers: retryAfter ? { 'Retry-After': retryAfter } : {} }),
    parsed(text),
  );
}

/** @param {Partial<ShakaError>} error */
function statusOf({ code, data }) {
  const status = code === BAD_HTTP_STATUS ? data?.[1] : null;
  return typeof status === 'number' && status >= 400 && status < 600 ? status : null;
}

/** @param {unknown} text */
function parsed(text) {
  try {
    return typeof text === 'string' ? JSON.parse(text) : null;
  } catch {
    return null;
  }
}
