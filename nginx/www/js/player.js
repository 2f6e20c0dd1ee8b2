/** The player: the picture, what is said over it, and going on after something broke. */

import { h, fill, safeLink } from './dom.js';
import { alarm, say } from './announce.js';
import * as connection from './connection.js';
import { Controls } from './controls.js';
import { clock, spoken } from './format.js';
import { Playback } from './playback.js';
import * as preferences from './preferences.js';
import { Problem, sentence, wasAborted } from './problems.js';
import { listen } from './shortcuts.js';

/** @typedef {import('./types.js').Video} Video */

/** This many repairs within a minute, then the viewer is asked. */
const REPAIRS = 4;
const NOTICE_MS = 15_000;
/** Refusals that a new grant can mend. */
const RENEWABLE = new Set([401, 403, 410, 429]);

export class Player {
  /**
   * @param {Video} video
   * @param {import('./types.js').ViewContext} context
   */
  constructor(video, { signal, onLeave }) {
    this.video = video;
    this.signal = signal;
    this.position = 0;
    this.wanted = false;
    this.loading = false;
    /** @type {number[]} times of repairs, ms */
    this.repairs = [];
    this.media = h('video', { class: 'picture', playsinline: true, preload: 'metadata', tabindex: '-1', poster: safeLink(video.poster_href) });
    this.notice = h('div', { class: 'notice', hidden: true });
    this.curtain = h('div', { class: 'curtain', hidden: true });
    this.element = h('div', { class: 'player', role: 'group', 'aria-label': `Player: ${video.title}`, tabindex: '-1' },
      this.media, h('div', { class: 'spinner', 'aria-hidden': 'true' }), this.notice, this.curtain);
    this.controls = new Controls(this.media, this.element, signal);
    this.element.append(this.controls.element);

    this.playback = new Playback(video.id, signal);
    this.playback.look = () => ({ position: this.position, playing: !this.media.paused && !this.media.ended });
    this.playback.onEnded = (ended) => this.ended(ended);
    onLeave(async () => {
      await this.playback.close();
      this.unload();
    });
    this.follow();
    listen(this.element, this.media, this.controls, signal);
  }

  /** Asks for a playback and starts it, at the place where the viewer stopped last time. */
  async start() {
    if (await this.begin(null) && this.position > 0) this.offerStartOver();
  }

  /**
   * @param {?number} at  seconds; null: where the server remembers the viewer
   * @returns {Promise<boolean>} whether it plays
   */
  async begin(at) {
    this.busy('Starting…');
    try {
      const given = await this.playback.open();
      if (this.signal.aborted) return false;
      if (!given) {
        this.stop('The other streams go on; this one was not started.', 'Play here');
        return false;
      }
      this.load(at ?? resumeAt(given.resume_seconds, this.video.duration_seconds), true);
      return true;
    } catch (error) {
      if (!wasAborted(error) && !this.signal.aborted) this.stop(sentence(error), 'Try again');
      return false;
    }
  }

  /**
   * @param {number} at  seconds
   * @param {boolean} playing
   */
  load(at, playing) {
    this.position = at;
    this.loading = true;
    this.curtain.hidden = true;
    this.media.src = this.playback.link;
    const remembered = preferences.load();
    Object.assign(this.media, { volume: remembered.volume, muted: remembered.muted, defaultPlaybackRate: remembered.speed, playbackRate: remembered.speed });
    this.media.addEventListener('loadedmetadata', () => {
      if (at > 0) this.media.currentTime = at;
      this.loading = false;
    }, { once: true, signal: this.signal });
    if (playing) {
      // Refused when the browser wants a click first: then the play button is there for it.
      this.media.play().catch(() => undefined);
    }
  }

  /** Keeps up with the element's own events. */
  follow() {
    const on = (/** @type {string} */ name, /** @type {() => void} */ work) => this.media.addEventListener(name, work, { signal: this.signal });
    const track = () => { if (!this.loading) this.position = this.media.currentTime; };
    for (const name of ['timeupdate', 'seeking', 'pause']) on(name, track);
    on('play', () => {
      this.wanted = true;
      if (this.playback.grant) void this.playback.beat();
      else if (!this.loading) void this.begin(this.media.ended ? 0 : this.position);
    });
    on('pause', () => {
      this.wanted = false;
      void this.playback.beat();
    });
    const stalled = (/** @type {boolean} */ yes) => () => this.element.classList.toggle('stalled', yes);
    for (const name of ['waiting', 'seeking', 'loadstart']) on(name, stalled(true));
    for (const name of ['playing', 'seeked', 'canplay', 'pause', 'emptied']) on(name, stalled(false));
    on('error', () => { if (this.media.getAttribute('src')) void this.repair(); });
  }

  /** The element gave up. Finds out why and goes on at the same place where that is possible. */
  async repair() {
    const at = this.position;
    const playing = this.wanted || this.loading;
    const broken = this.media.error;
    this.busy('The picture stopped; looking why…');
    const now = Date.now();
    this.repairs = [...this.repairs.filter((then) => now - then < 60_000), now];
    try {
      const refusal = await this.playback.examine();
      if (this.repairs.length > REPAIRS) {
        this.stop(refusal ? sentence(refusal) : 'The stream keeps breaking off.', 'Try again');
      } else if (refusal === null && this.repairs.length > 1 && broken?.code !== MediaError.MEDIA_ERR_NETWORK) {
        this.stop('Your browser can’t play this file. Another player can: use the link below.', 'Try again');
      } else if (refusal === null) {
        this.load(at, playing);
      } else if (refusal.status === 0) {
        this.busy(sentence(refusal));
        await connection.back(this.signal);
        this.load(at, playing);
      } else if (refusal.status >= 500) {
        this.busy(sentence(refusal));
        await pause((refusal.retryAfter || 2 * this.repairs.length) * 1000, this.signal);
        this.load(at, playing);
      } else if (RENEWABLE.has(refusal.status) && refusal.code !== 'shared') {
        await this.begin(at);
      } else {
        this.stop(sentence(refusal), 'Try again');
      }
    } catch (error) {
      if (!this.signal.aborted && !wasAborted(error)) this.stop(sentence(error), 'Try again');
    }
  }

  /**
   * The server ended the playback. When nobody was watching, the next press of play starts anew. A lapse (the machine
   * slept, the line was down) is nobody's wish, so it goes on; anything else was.
   * @param {Problem} ended
   */
  ended(ended) {
    if (this.media.paused) return;
    if (ended.code === 'lapsed') {
      void this.begin(this.position);
      return;
    }
    this.media.pause();
    this.stop(ended.status === 410 && ended.detail ? sentence(ended) : 'This playback was ended, here or on another device.', 'Play again');
  }

  unload() {
    this.media.removeAttribute('src');
    this.media.load();
  }

  /** @param {string} text */
  busy(text) {
    this.element.classList.add('stalled');
    fill(this.curtain, h('p', {}, text));
    this.curtain.hidden = false;
    say(text);
  }

  /**
   * Says why it stopped, with a way on.
   * @param {string} text
   * @param {string} way
   */
  stop(text, way) {
    this.element.classList.remove('stalled');
    const again = h('button', {
      type: 'button',
      class: 'primary',
      onclick: () => {
        this.repairs = [];
        void this.begin(this.position > 0 ? this.position : null);
        this.controls.play.focus();
      },
    }, way);
    fill(this.curtain, h('p', {}, text), again);
    this.curtain.hidden = false;
    alarm(text);
    if (this.element.contains(document.activeElement)) again.focus();
  }

  offerStartOver() {
    const text = `Resumed at ${clock(this.position)}.`;
    const hide = () => {
      if (this.notice.contains(document.activeElement)) this.controls.play.focus();
      this.notice.hidden = true;
    };
    fill(this.notice, h('span', {}, text), h('button', {
      type: 'button',
      class: 'secondary',
      onclick: () => {
        this.media.currentTime = 0;
        this.position = 0;
        hide();
      },
    }, 'Start over'));
    this.notice.hidden = false;
    say(`Resumed at ${spoken(this.position)}. Press 0 to start over.`);
    setTimeout(hide, NOTICE_MS);
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

/**
 * @param {number} milliseconds
 * @param {AbortSignal} signal
 * @returns {Promise<void>}
 */
function pause(milliseconds, signal) {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, milliseconds);
    signal.addEventListener('abort', () => {
      clearTimeout(timer);
      reject(signal.reason);
    }, { once: true });
  });
}
