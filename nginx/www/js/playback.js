/**
 * One playback as the server sees it: granted, kept alive by heartbeats, ended. Also the question why a link failed,
 * which a <video> element can't answer: it knows no status codes.
 */

import { endPlayback, grant, heartbeat } from './api.js';
import * as connection from './connection.js';
import { json, problem } from './http.js';
import { Problem } from './problems.js';
import { device } from './session.js';
import { settleStreams } from './streams.js';

/** @typedef {import('./types.js').Grant} Grant */

/** Longer than the server lets a request wait for what is being made (20 s). */
const EXAMINED_MS = 25_000;
/** The end waits so long for the last word about the position, and overtakes it then. */
const LAST_WORD_MS = 1_000;

export class Playback {
  /**
   * @param {string} video  id
   * @param {AbortSignal} signal  the view's
   */
  constructor(video, signal) {
    this.video = video;
    this.signal = signal;
    /** @type {?Grant} */
    this.grant = null;
    /** What was granted last, also when it is over. @type {?Grant} */
    this.last = null;
    /** What of it is played. */
    this.link = '';
    this.timer = 0;
    /** Number of the last word about the position. */
    this.sequence = 0;
    /** That word, while it is under way. @type {Promise<void>} */
    this.word = Promise.resolve();
    /** @type {() => {position: number, playing: boolean}} */
    this.look = () => ({ position: 0, playing: false });
    /** @type {(ended: Problem) => void} called when the server says that this playback is over */
    this.onEnded = () => undefined;
    addEventListener('pagehide', () => this.die(), { signal });
    document.addEventListener(
      'visibilitychange',
      () => {
        if (document.hidden) void this.beat();
      },
      { signal },
    );
  }

  /**
   * A new grant, in place of the old one if there was one.
   * @param {?import('./types.js').Plays} plays  what this browser plays, if that is known
   * @returns {Promise<?Grant>} null when the viewer chose to keep other streams running
   */
  async open(plays) {
    await this.close(false);
    const given = await settleStreams(
      (wishes) => grant(this.video, { device: device(), ...(plays && { plays }), ...wishes }, this.signal),
      this.signal,
    );
    if (!given) return null;
    if (this.signal.aborted) {
      // The view was left while the server answered: give the lease back.
      void endPlayback(given.playback_id).catch(() => undefined);
      return null;
    }
    this.grant = given;
    this.sequence = 0;
    this.last = given;
    this.timer = setInterval(() => this.beat(), Math.max(1, given.heartbeat_seconds) * 1000);
    return given;
  }

  /** Tells where the viewer is. Losing one is no harm: the next one tells it again. */
  beat() {
    this.word = this.tell();
    return this.word;
  }

  async tell() {
    const mine = this.grant;
    if (!mine) return;
    const { position, playing } = this.look();
    try {
      await heartbeat(mine.playback_id, position, playing ? 'playing' : 'paused', ++this.sequence);
    } catch (error) {
      if (!(error instanceof Problem) || this.grant !== mine) return;
      if (error.status === 410 || error.status === 404) {
        this.drop();
        this.onEnded(error);
      }
    }
  }

  /**
   * Ends the playback, so that its lease is free at once.
   * @param {boolean} [saving]  tell the position first
   */
  async close(saving = true) {
    const mine = this.grant;
    if (!mine) return;
    const { position } = this.look();
    this.drop();
    await Promise.race([this.word, new Promise((pass) => setTimeout(pass, LAST_WORD_MS))]);
    await endPlayback(mine.playback_id, saving ? { position, sequence: ++this.sequence } : undefined).catch(
      () => undefined,
    );
  }

  /** The page goes away: the end is sent without waiting for an answer. */
  die() {
    const mine = this.grant;
    if (!mine) return;
    const { position } = this.look();
    this.drop();
    void endPlayback(mine.playback_id, { position, sequence: ++this.sequence }, true).catch(() => undefined);
  }

  /** Where the signed links of the title begin: all its names follow. */
  get prefix() {
    return this.link.slice(0, this.link.lastIndexOf('/') + 1);
  }

  /** Forgets the grant; the server is told elsewhere or knows. */
  drop() {
    clearInterval(this.timer);
    this.grant = null;
  }

  /**
   * Why does the link not play? Asks for its first byte, as the element would.
   * @returns {Promise<?Problem>} null: the link is fine
   */
  async examine() {
    try {
      const response = await fetch(this.link, {
        headers: { Range: 'bytes=0-0' },
        cache: 'no-store',
        redirect: 'error',
        signal: AbortSignal.any([this.signal, AbortSignal.timeout(EXAMINED_MS)]),
      });
      connection.found();
      if (!response.ok) return problem(response, await json(response));
      await response.body?.cancel();
      return null;
    } catch (error) {
      if (this.signal.aborted) throw error;
      connection.lost();
      return new Problem({ status: 0, code: 'offline' });
    }
  }
}

/**
 * Where to begin: not for a few seconds, and not at the very end.
 * @param {number} remembered  seconds
 * @param {?number} duration  seconds
 */
export function resumeAt(remembered, duration) {
  if (!(remembered >= 3)) return 0;
  const tail = Math.min(15, (duration ?? 0) * 0.03);
  return duration && remembered > duration - tail ? 0 : remembered;
}
