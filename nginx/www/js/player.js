/** The player: the picture, what is said over it, and going on after something broke. */

import { abilities } from './abilities.js';
import { say } from './announce.js';
import * as connection from './connection.js';
import { Controls } from './controls.js';
import { h, safeLink } from './dom.js';
import { ending } from './endings.js';
import { showElsewhere } from './external.js';
import { Overlay } from './overlay.js';
import { Playback, resumeAt } from './playback.js';
import { Problem, sentence, wasAborted } from './problems.js';
import { Projector } from './projector.js';
import { Repairs } from './repairs.js';
import { listen } from './shortcuts.js';

/** @typedef {import('./types.js').Video} Video */

const SETTLED_MS = 800;
const AFTERWARDS = 'Your session has ended. This film plays on; sign in again after it.';
const JUST_NOW_MS = 4000;

export class Player {
  /**
   * @param {Video} video
   * @param {boolean} plays  this browser plays the file as it is
   * @param {import('./types.js').ViewContext} context
   */
  constructor(video, plays, { signal, onLeave, onSessionOver }) {
    this.video = video;
    this.signal = signal;
    this.position = 0;
    this.wanted = false;
    this.pressedAt = 0;
    this.beginning = false;
    /** What is made of the title may be in another state now. */
    this.onMaking = () => {};
    this.repairs = new Repairs(this);
    // With crossorigin a refusal by the media host reaches the element as such. Without it the browser hides the answer
    // from the page and asks thirty times more.
    this.media = h('video', {
      class: 'picture',
      playsinline: true,
      preload: 'metadata',
      tabindex: '-1',
      crossorigin: 'anonymous',
      poster: safeLink(video.poster_href),
    });
    this.element = h(
      'div',
      { class: 'player', role: 'group', 'aria-label': `Player: ${video.title}`, tabindex: '-1' },
      this.media,
    );
    this.projector = new Projector(this, plays);
    const { seek, settings, choices } = this.projector;
    this.controls = new Controls(this.media, this.element, seek, settings, signal);
    this.overlay = new Overlay(this.element, this.controls.play);
    this.controls.onSleep = () => choices.subtitles.lift(this.controls.covered);
    this.element.append(...this.overlay.elements, this.controls.element);

    this.playback = new Playback(video.id, signal);
    this.playback.look = () => ({ position: this.position, playing: !this.media.paused && !this.media.ended });
    this.playback.onEnded = (ended) => this.ended(ended);
    onLeave(async () => {
      const closed = this.playback.close();
      // Its lease is free when nothing of it is being sent any more.
      this.unload();
      await closed;
    });
    onSessionOver(() => this.playOn());
    this.follow();
    listen(this.element, this.media, this.controls, choices, signal);
  }

  /** Asks for a playback and starts it, at the place where the viewer stopped last time. */
  async start() {
    if ((await this.begin(null)) && this.position > 0) {
      this.overlay.offerStartOver(this.position, () => {
        this.position = 0;
        this.controls.seek.go(0);
      });
    }
  }

  /**
   * A new grant, and on from there.
   * @param {?number} at  seconds; null: where the server remembers the viewer
   * @param {boolean} [playing]
   * @returns {Promise<boolean>} whether it plays
   */
  async begin(at, playing = true) {
    if (this.beginning) return false;
    this.beginning = true;
    this.overlay.busy('Starting…');
    // What the element still loads would keep its lease until the server cuts it, with the connection that asks here.
    if (this.media.getAttribute('src')) this.unload();
    try {
      const given = await this.playback.open(await abilities(this.video));
      if (this.signal.aborted) return false;
      if (!given) {
        this.stop('The other streams go on; this one was not started.', 'Play here');
        return false;
      }
      this.projector.load(at ?? resumeAt(given.resume_seconds, this.video.duration_seconds), playing);
      return true;
    } catch (error) {
      if (wasAborted(error) || this.signal.aborted) return false;
      if (!(error instanceof Problem && error.status === 0)) {
        this.stop(sentence(error), 'Try again');
        return false;
      }
      this.overlay.busy(sentence(error));
    } finally {
      this.beginning = false;
    }
    // Nobody answered: it begins when the server is back.
    return connection.back(this.signal).then(
      () => this.begin(at, playing),
      () => false,
    );
  }

  /** Keeps up with the element's own events. */
  follow() {
    const on = (/** @type {string} */ name, /** @type {() => void} */ work) =>
      this.media.addEventListener(name, work, { signal: this.signal });
    // An element without a source says that it is at 0.
    const track = () => {
      if (!this.projector.loading && this.media.getAttribute('src')) this.position = this.media.currentTime;
    };
    for (const name of ['timeupdate', 'seeking', 'pause']) on(name, track);
    on('play', () => {
      this.wanted = true;
      this.pressedAt = Date.now();
      if (this.playback.grant) void this.playback.beat();
      else if (!this.projector.loading) void this.begin(this.media.ended ? 0 : this.position);
    });
    on('pause', () => {
      // Chromium pauses a picture that it can't go on with: the viewer still wants it.
      if (this.media.error) return;
      this.wanted = false;
      void this.playback.beat();
    });
    // Told soon after a seek, so that the place survives a page that dies without a farewell.
    let settled = 0;
    on('seeked', () => {
      clearTimeout(settled);
      settled = setTimeout(() => this.playback.beat(), SETTLED_MS);
    });
    const stalled = (/** @type {boolean} */ yes) => () => this.element.classList.toggle('stalled', yes);
    for (const name of ['waiting', 'seeking', 'loadstart']) on(name, stalled(true));
    for (const name of ['playing', 'seeked', 'canplay', 'pause', 'emptied']) on(name, stalled(false));
    on('playing', () => this.repairs.done());
    on('error', () => {
      if (this.media.getAttribute('src')) void this.repairs.repair();
    });
  }

  /**
   * The server ended the playback: somebody wanted it to stop, so it doesn't go on by itself. A viewer who pressed play
   * just now wanted otherwise, and one who isn't watching need not know: the next press of play starts anew.
   * @param {Problem} ended
   */
  ended(ended) {
    if (!this.wanted) {
      if (this.media.error) this.unload();
      this.overlay.clear();
    } else if (Date.now() - this.pressedAt < JUST_NOW_MS) {
      void this.begin(this.position);
    } else {
      this.media.pause();
      this.stop(ending(ended), 'Play again');
    }
  }

  /** The session is over by itself: what plays goes on for as long as the server sends it, since no time-out ends a film. */
  async playOn() {
    if (!this.wanted || this.media.ended || (await this.playback.examine()) !== null) return;
    this.overlay.note(AFTERWARDS);
    say(AFTERWARDS);
    await new Promise((resolve) => {
      for (const name of ['ended', 'error'])
        this.media.addEventListener(name, resolve, { once: true, signal: this.signal });
      this.signal.addEventListener('abort', resolve, { once: true });
    });
  }

  /**
   * This browser is not the one for this file: the lease is given back, and the way to another player shown.
   * @param {string} text
   * @param {string} [others]  what they can do
   */
  giveUp(text, others = 'VLC, mpv and Kodi can.') {
    this.media.pause();
    void this.playback.close();
    this.unload();
    this.stop(
      `${text} ${others}`,
      'Try again',
      h('button', { type: 'button', class: 'secondary', onclick: showElsewhere }, 'Use another player'),
    );
  }

  unload() {
    this.projector.clear();
  }

  /**
   * @param {string} text  why
   * @param {string} way  what the button to go on says
   * @param {...Node} more  other ways
   */
  stop(text, way, ...more) {
    this.overlay.stop(
      text,
      way,
      () => {
        this.repairs.forget();
        void this.begin(this.position > 0 ? this.position : null);
      },
      ...more,
    );
  }
}
