/** The calls of the API that need a session. An access cookie that ran out is renewed once and the call repeated. */

import { send } from './http.js';
import { Problem, sentence } from './problems.js';
import * as session from './session.js';

/** @typedef {import('./types.js').Video} Video */
/** @typedef {import('./types.js').VideoPage} VideoPage */
/** @typedef {import('./types.js').Grant} Grant */

/**
 * @param {{q?: string, sort?: string, cursor?: ?string, limit?: number}} wanted
 * @param {AbortSignal} [signal]
 * @returns {Promise<VideoPage>}
 */
export function listVideos({ q, sort, cursor, limit = 48 }, signal) {
  const query = new URLSearchParams({ limit: String(limit) });
  if (q) query.set('q', q);
  if (sort) query.set('sort', sort);
  if (cursor) query.set('cursor', cursor);
  return call('GET', `/videos?${query}`, { signal });
}

/**
 * @param {string} id
 * @param {AbortSignal} [signal]
 * @returns {Promise<Video>}
 */
export function video(id, signal) {
  return call('GET', `/videos/${encodeURIComponent(id)}`, { signal });
}

/**
 * What is being made, was made or failed; admins see everybody's.
 * @param {{state?: string, cursor?: ?string, limit: number}} wanted
 * @param {AbortSignal} [signal]
 * @returns {Promise<import('./types.js').JobPage>}
 */
export function listJobs({ state, cursor, limit }, signal) {
  const query = new URLSearchParams({ limit: String(limit) });
  if (state) query.set('state', state);
  if (cursor) query.set('cursor', cursor);
  return call('GET', `/jobs?${query}`, { signal });
}

/**
 * What may be wrong with how files stream, with how many titles have it; for admins, as the two below.
 * @param {AbortSignal} [signal]
 * @returns {Promise<{items: import('./types.js').HealthCount[]}>}
 */
export function healthFindings(signal) {
  return call('GET', '/library/health/findings', { signal });
}

/**
 * @param {{finding?: ?string, cursor?: ?string, limit: number}} wanted
 * @param {AbortSignal} [signal]
 * @returns {Promise<{items: import('./types.js').HealthTitle[], next_cursor: ?string}>}
 */
export function healthTitles({ finding, cursor, limit }, signal) {
  const query = new URLSearchParams({ limit: String(limit) });
  if (finding) query.set('finding', finding);
  if (cursor) query.set('cursor', cursor);
  return call('GET', `/library/health?${query}`, { signal });
}

/**
 * Begins what helps.
 * @param {string} finding
 * @param {?string[]} videos  all that have the finding, if there is none
 * @returns {Promise<import('./types.js').HealthStarted>}
 */
export function healthRemedy(finding, videos) {
  const body = videos ? { finding, video_ids: videos } : { finding };
  return call('POST', '/library/health/remedies', { body });
}

/**
 * @param {string} id
 * @returns {Promise<void>}
 */
export function cancelJob(id) {
  return call('POST', `/jobs/${id}/cancel`);
}

/**
 * @param {string} id
 * @returns {Promise<import('./types.js').Job>}
 */
export function retryJob(id) {
  return call('POST', `/jobs/${id}/retry`);
}

/**
 * Before, or behind, all that are queued; for admins.
 * @param {string} id
 * @param {'first'|'last'} place
 * @returns {Promise<import('./types.js').Job>}
 */
export function moveJob(id, place) {
  return call('PATCH', `/jobs/${id}`, { body: { place } });
}

/**
 * Lets a title be made playable everywhere.
 * @param {string} id  of the video
 * @returns {Promise<{jobs: import('./types.js').Job[]}>}
 */
export function transcode(id) {
  return call('POST', `/videos/${encodeURIComponent(id)}/transcode`, { body: {} });
}

/**
 * Nobody begins with what was made of a title any more; who watches it goes on.
 * @param {string} id  of the video
 * @returns {Promise<void>}
 */
export function removeRenditions(id) {
  return call('DELETE', `/videos/${encodeURIComponent(id)}/renditions`);
}

/**
 * @param {string} id
 * @param {{renditions: ?string}} changes
 * @returns {Promise<Video>}
 */
export function changeVideo(id, changes) {
  return call('PATCH', `/videos/${encodeURIComponent(id)}`, { body: changes });
}

/**
 * Permission to play, with signed links. Each call is a new playback.
 * @param {string} id  of the video
 * @param {{device?: string, plays?: import('./types.js').Plays, replace?: string}} [wishes]  `replace`: the playback to
 * end in exchange
 * @param {AbortSignal} [signal]
 * @returns {Promise<Grant>}
 */
export function grant(id, wishes = {}, signal) {
  return call('POST', `/videos/${encodeURIComponent(id)}/playback`, { body: wishes, signal });
}

/**
 * What the server wants to know of a device.
 * @returns {Promise<{version: string, types: string[]}>}
 */
export function questions() {
  return call('GET', '/playbacks/questions');
}

/**
 * @param {string} playback
 * @param {number} position  seconds
 * @param {'playing'|'paused'} state
 * @param {number} sequence  counts up, so that a heartbeat that comes late changes nothing
 * @returns {Promise<void>}
 */
export function heartbeat(playback, position, state, sequence) {
  const body = { position_seconds: milliseconds(position), state, sequence };
  return call('POST', `/playbacks/${playback}/heartbeat`, { body });
}

/**
 * Ends a playback and tells the last position in the same call: two calls could overtake each other.
 * @param {string} playback
 * @param {{position: number, sequence: number}} [last]
 * @param {boolean} [dying]  the page is going away: no time for a second try
 * @returns {Promise<void>}
 */
export function endPlayback(playback, last, dying = false) {
  const query = last ? `?position_seconds=${milliseconds(last.position)}&sequence=${last.sequence}` : '';
  return (dying ? send : call)('DELETE', `/playbacks/${playback}${query}`, { keepalive: dying });
}

/** @param {number} seconds  to three decimals, never negative */
function milliseconds(seconds) {
  return Math.max(0, Math.round(seconds * 1000) / 1000);
}

/**
 * Makes sure that the session lives, for pictures, whose errors say nothing.
 * @returns {Promise<boolean>} whether the access cookie was renewed just now
 */
export async function freshen() {
  if (!session.user()) return false;
  const before = Date.now();
  if (session.stale()) {
    await session.renew(before);
    return true;
  }
  return false;
}

/**
 * @param {string} method
 * @param {string} path
 * @param {import('./http.js').Sending} [options]
 * @returns {Promise<any>}
 */
export async function call(method, path, options) {
  if (session.stale()) await session.renew(Date.now());
  // A second renewal, because the first may have been another tab's that failed.
  for (let renewals = 0; ; renewals += 1) {
    const sentAt = Date.now();
    try {
      return await send(method, path, options);
    } catch (error) {
      if (!(error instanceof Problem) || error.status !== 401) throw error;
      if (renewals === 2) {
        session.forget(sentence(error));
        throw error;
      }
      await session.renew(sentAt);
    }
  }
}
