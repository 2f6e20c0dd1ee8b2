/** The bar below the picture. Every control is a native one with a name. */

import { fill, h } from './dom.js';
import { clock } from './format.js';
import { icon } from './icons.js';
import * as preferences from './preferences.js';

/** @typedef {import('./seekbar.js').SeekBar} SeekBar */

const SPEEDS = [0.5, 0.75, 1, 1.25, 1.5, 1.75, 2];
const SLEEP_MS = 3000;

export class Controls {
  /**
   * @param {HTMLVideoElement} media
   * @param {HTMLElement} frame  what goes to full screen
   * @param {SeekBar} seek
   * @param {import('./settings.js').Settings} settings
   * @param {AbortSignal} signal
   */
  constructor(media, frame, seek, settings, signal) {
    this.media = media;
    this.frame = frame;
    this.signal = signal;
    this.sleep = 0;
    /** Called when the bar comes or goes. */
    this.onSleep = () => {};
    this.seek = seek;
    this.settings = settings;
    this.play = button('play', 'Play', () => this.toggle());
    this.time = h('span', { class: 'time', role: 'timer', 'aria-live': 'off', 'aria-label': 'Position' }, '0:00');
    this.mute = button('volume', 'Mute', () => {
      media.muted = !media.muted;
    });
    this.volume = h('input', {
      type: 'range',
      class: 'volume',
      min: '0',
      max: '1',
      step: '0.05',
      'aria-label': 'Volume',
    });
    this.speed = h(
      'select',
      { class: 'speed', 'aria-label': 'Speed', title: 'Speed' },
      ...SPEEDS.map((speed) => h('option', { value: speed, selected: speed === 1 }, `${speed}×`)),
    );
    this.pip = document.pictureInPictureEnabled ? button('pip', 'Picture in picture', () => this.float()) : null;
    this.full = button('enter', 'Full screen', () => this.fullscreen());
    this.element = h(
      'div',
      { class: 'controls', role: 'group', 'aria-label': 'Controls' },
      settings.panel,
      this.seek.element,
      h(
        'div',
        { class: 'bar' },
        this.play,
        this.time,
        h('span', { class: 'gap' }),
        this.mute,
        this.volume,
        this.speed,
        settings.button,
        this.pip,
        this.full,
      ),
    );
    this.follow();
    this.watch();
  }

  toggle() {
    if (this.media.paused) this.media.play().catch(() => undefined);
    else this.media.pause();
  }

  /** @param {number} by  part of the whole, may be negative */
  louder(by) {
    this.media.volume = Math.min(1, Math.max(0, Math.round((this.media.volume + by) * 20) / 20));
    this.media.muted = false;
  }

  fullscreen() {
    /** @type {HTMLVideoElement & {webkitEnterFullscreen?: () => void}} */
    const media = this.media;
    if (document.fullscreenElement) void document.exitFullscreen();
    else if (this.frame.requestFullscreen) void this.frame.requestFullscreen().catch(() => undefined);
    // iPhones let only the picture itself fill the screen.
    else media.webkitEnterFullscreen?.();
  }

  float() {
    if (document.pictureInPictureElement) void document.exitPictureInPicture();
    else void this.media.requestPictureInPicture().catch(() => undefined);
  }

  /** The bar shows what the element does, whoever made it do so. */
  follow() {
    const { media, signal } = this;
    const on = (/** @type {string[]} */ names, /** @type {() => void} */ work) => {
      for (const name of names) media.addEventListener(name, work, { signal });
    };
    on(['play', 'pause', 'ended', 'emptied'], () => {
      const over = media.ended;
      relabel(
        this.play,
        over ? 'replay' : media.paused ? 'play' : 'pause',
        over ? 'Play again' : media.paused ? 'Play' : 'Pause',
      );
      this.wake();
    });
    on(['timeupdate', 'durationchange', 'seeking'], () => {
      const { length } = this.seek;
      fill(this.time, length > 0 ? `${clock(media.currentTime)} / ${clock(length)}` : clock(media.currentTime));
    });
    on(['volumechange'], () => {
      const silent = media.muted || media.volume === 0;
      relabel(this.mute, silent ? 'muted' : 'volume', silent ? 'Unmute' : 'Mute');
      this.volume.value = String(media.muted ? 0 : media.volume);
      this.volume.setAttribute('aria-valuetext', `${Math.round(Number(this.volume.value) * 100)} percent`);
      this.volume.style.setProperty('--part', `${Number(this.volume.value) * 100}%`);
      this.remember();
    });
    on(['ratechange'], () => {
      this.speed.value = String(media.playbackRate);
      this.remember();
    });
    this.volume.addEventListener(
      'input',
      () => {
        media.volume = Number(this.volume.value);
        media.muted = media.volume === 0;
      },
      { signal },
    );
    this.speed.addEventListener(
      'change',
      () => {
        media.playbackRate = Number(this.speed.value);
        media.defaultPlaybackRate = media.playbackRate;
      },
      { signal },
    );
    document.addEventListener(
      'fullscreenchange',
      () => {
        const filled = document.fullscreenElement === this.frame;
        relabel(this.full, filled ? 'leave' : 'enter', filled ? 'Leave full screen' : 'Full screen');
      },
      { signal },
    );
    media.dispatchEvent(new Event('volumechange'));
  }

  remember() {
    const { volume, muted, playbackRate } = this.media;
    if (this.media.src) preferences.save({ volume, muted, speed: playbackRate });
  }

  /** The bar goes to sleep while the film runs and nobody moves, presses or touches anything. */
  watch() {
    const { frame, media, signal } = this;
    for (const name of ['pointermove', 'pointerdown', 'keydown', 'focusin']) {
      frame.addEventListener(name, () => this.wake(), { signal });
    }
    frame.addEventListener(
      'pointerleave',
      () => {
        if (!media.paused) this.rest(500);
      },
      { signal },
    );
    media.addEventListener(
      'click',
      (event) => {
        // A finger's first touch only shows the bar; a mouse click is play and pause.
        if (/** @type {PointerEvent} */ (event).pointerType !== 'touch') this.toggle();
      },
      { signal },
    );
    media.addEventListener('dblclick', () => this.fullscreen(), { signal });
  }

  wake() {
    this.frame.classList.remove('asleep');
    this.onSleep();
    this.rest(SLEEP_MS);
  }

  /** The part of the picture that the bar covers now. */
  get covered() {
    if (this.frame.classList.contains('asleep')) return 0;
    const { top, bottom, height } = this.frame.getBoundingClientRect();
    return height > 0 ? (bottom - Math.max(top, this.seek.element.getBoundingClientRect().top)) / height : 0;
  }

  /** @param {number} after  ms */
  rest(after) {
    clearTimeout(this.sleep);
    this.sleep = setTimeout(() => {
      const choosing = document.activeElement === this.speed || this.seek.held || this.settings.open;
      if (this.media.paused || choosing) return;
      this.frame.classList.add('asleep');
      this.onSleep();
    }, after);
  }
}

/**
 * @param {import('./icons.js').IconName} sign
 * @param {string} name
 * @param {() => void} press
 */
function button(sign, name, press) {
  return h('button', { type: 'button', class: 'control', 'aria-label': name, title: name, onclick: press }, icon(sign));
}

/**
 * @param {HTMLButtonElement} control
 * @param {import('./icons.js').IconName} sign
 * @param {string} name
 */
function relabel(control, sign, name) {
  if (control.getAttribute('aria-label') === name) return;
  control.setAttribute('aria-label', name);
  control.title = name;
  fill(control, icon(sign));
}
