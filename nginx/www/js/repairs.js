/** When the picture stops by itself: the link is asked why, and it goes on at the same place where that is possible. */

import * as connection from './connection.js';
import { refusalOf } from './madenow.js';
import { Problem, sentence, wasAborted } from './problems.js';
import * as session from './session.js';
import { pause } from './waiting.js';

/** This many repairs within a minute, then the viewer is asked. */
const MOST = 4;
const WINDOW_MS = 60_000;
/** Refusals that a new grant can mend. */
const RENEWABLE = new Set([401, 403, 410, 429]);
const OTHERS = 'VLC, mpv and Kodi play it as it is.';
const AGAIN = 'It can be tried again under Jobs.';

export class Repairs {
  /** @param {import('./player.js').Player} player */
  constructor(player) {
    this.player = player;
    /** @type {number[]} ms */
    this.times = [];
    /** Failures in a row although the link was fine: then it is the file. */
    this.unexplained = 0;
    this.mending = false;
    /** What is kept by now was asked for, and nothing has been seen since. */
    this.renewed = false;
  }

  /** A viewer who tries again starts anew. */
  forget() {
    this.times = [];
    this.unexplained = 0;
    this.renewed = false;
  }

  /** Pictures move. */
  done() {
    this.unexplained = 0;
    this.renewed = false;
  }

  /** @param {unknown} [failure]  what shaka-player said; without it the element's own error counts */
  async repair(failure) {
    // What goes on by a manifest may break twice at once: for shaka-player, and for the element.
    if (this.mending) return;
    this.mending = true;
    await this.mend(failure);
    this.mending = false;
  }

  /** @param {unknown} failure */
  async mend(failure) {
    const { player } = this;
    const { playback, overlay, projector, signal } = player;
    const at = player.position;
    const playing = player.wanted || projector.loading;
    const undecodable = unfit(failure ?? player.media.error);
    overlay.busy('The picture stopped; looking why…');
    const now = Date.now();
    this.times = [...this.times.filter((then) => now - then < WINDOW_MS), now];
    try {
      // The playlist of what is made now may be there when a segment is not: the refusal of that counts.
      const refusal = (projector.delivery?.now && refusalOf(failure)) || (await playback.examine());
      this.unexplained = refusal === null ? this.unexplained + 1 : 0;
      if (this.times.length > MOST) {
        player.stop(refusal ? sentence(refusal) : 'The stream keeps breaking off.', 'Try again');
      } else if (refusal === null && undecodable && (this.unexplained > 1 || projector.mayChange)) {
        projector.refuse('Your browser can’t play this file.', playing);
      } else if (refusal === null) {
        projector.load(at, playing);
      } else if (refusal.status === 0) {
        overlay.busy(sentence(refusal));
        await connection.back(signal);
        projector.load(at, playing);
      } else if (refusal.code === 'not_made') {
        player.giveUp(sentence(refusal), session.user()?.role === 'admin' ? `${OTHERS} ${AGAIN}` : OTHERS);
        player.onMaking();
      } else if (refusal.code === 'being_made') {
        player.media.pause();
        player.stop('It takes longer than it should.', 'Try again');
      } else if (refusal.code === 'kept' && this.renewed) {
        player.stop(sentence(refusal), 'Try again');
      } else if (refusal.status >= 500) {
        overlay.busy(sentence(refusal));
        await pause((refusal.retryAfter || 2 * this.times.length) * 1000, signal);
        projector.load(at, playing);
      } else if (refusal.code === 'gone' && playback.grant) {
        // Somebody ended it. The heartbeat's answer says who, to ended().
        await playback.beat();
        if (playback.grant) await player.begin(at, playing);
      } else if (RENEWABLE.has(refusal.status) && refusal.code !== 'shared') {
        this.renewed = refusal.code === 'kept';
        await player.begin(at, playing);
      } else {
        player.stop(sentence(refusal), 'Try again');
      }
    } catch (error) {
      if (!signal.aborted && !wasAborted(error)) player.stop(sentence(error), 'Try again');
    }
  }
}

/**
 * Is it the file, rather than the way to it?
 * @param {unknown} failure  a MediaError, or an error of shaka-player (its category 1 is the network)
 */
function unfit(failure) {
  if (failure instanceof MediaError) return failure.code !== MediaError.MEDIA_ERR_NETWORK;
  return !(failure instanceof Problem) && /** @type {?{category?: number}} */ (failure)?.category !== 1;
}
