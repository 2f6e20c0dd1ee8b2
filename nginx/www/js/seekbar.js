/** The seek bar: a native range over a rail that shows what was played, what is buffered and where chapters begin. */

import { fill, h } from './dom.js';
import { spoken } from './format.js';

export class SeekBar {
  /**
   * @param {HTMLVideoElement} media
   * @param {?number} measured  the film's length in seconds, as the server found it
   * @param {import('./preview.js').Preview} preview
   * @param {AbortSignal} signal
   */
  constructor(media, measured, preview, signal) {
    this.media = media;
    this.preview = preview;
    this.measured = measured ?? 0;
    this.held = false;
    /** @type {?number} where to go once the running seek is done */
    this.next = null;
    this.rail = h('div', { class: 'rail' });
    this.marks = h('div', { class: 'marks', 'aria-hidden': 'true' });
    this.range = h('input', { type: 'range', min: '0', max: '0', step: 'any', value: '0', 'aria-label': 'Seek' });
    this.element = h('div', { class: 'seek' }, this.rail, this.marks, this.range, preview.element);

    const on = (
      /** @type {EventTarget} */ target,
      /** @type {string[]} */ names,
      /** @type {(event: any) => void} */ work,
    ) => {
      for (const name of names) target.addEventListener(name, work, { signal });
    };
    on(media, ['timeupdate', 'seeking', 'durationchange', 'emptied'], () => this.show());
    on(media, ['durationchange'], () => this.mark());
    on(media, ['progress', 'timeupdate', 'durationchange', 'emptied'], () => this.showBuffered());
    on(media, ['seeked'], () => {
      if (this.next === null) return;
      const to = this.next;
      this.next = null;
      this.go(to);
    });
    on(this.range, ['pointerdown'], () => {
      this.held = true;
    });
    on(this.range, ['pointerup', 'pointercancel', 'change', 'blur'], () => {
      this.held = false;
    });
    on(this.range, ['input'], () => {
      this.go(Number(this.range.value));
      this.point(Number(this.range.value));
    });
    on(this.range, ['focus', 'keyup'], () => {
      if (this.range.matches(':focus-visible')) this.point(Number(this.range.value));
    });
    on(this.element, ['pointermove'], (event) => this.follow(event));
    on(this.element, ['pointerleave', 'pointercancel'], () => preview.hide());
    on(this.range, ['blur'], () => preview.hide());
  }

  /**
   * How long the film is, in seconds; 0 while that is not known. The element's own word comes first. A file without
   * one (WebM from a pipe) has `Infinity` there until its end was seen; then the server's measure serves.
   */
  get length() {
    const { duration, currentTime } = this.media;
    if (Number.isFinite(duration)) return duration;
    return duration === Infinity && this.measured > 0 ? Math.max(this.measured, currentTime) : 0;
  }

  /**
   * One seek at a time: a dragged thumb asks for many places, and only the last of them matters.
   * @param {number} to  seconds
   */
  go(to) {
    const { media, length } = this;
    if (length === 0) return;
    const place = Math.min(Math.max(0, to), length);
    if (media.seeking && !media.error) this.next = place;
    else media.currentTime = place;
    this.range.value = String(place);
    this.tell(place);
  }

  /** @param {number} by  seconds, may be negative */
  jump(by) {
    this.go((this.next ?? this.media.currentTime) + by);
  }

  show() {
    const { length } = this;
    const { currentTime } = this.media;
    this.range.max = String(length);
    this.range.disabled = length === 0;
    if (this.held || this.next !== null) return;
    this.range.value = String(currentTime);
    this.tell(currentTime);
  }

  /** @param {number} place */
  tell(place) {
    const { length } = this;
    this.element.style.setProperty('--played', `${length > 0 ? (place / length) * 100 : 0}%`);
    const chapter = this.preview.chapterAt(place);
    const text = `${spoken(place)} of ${spoken(length)}${chapter && `, ${chapter}`}`;
    // A screen reader on the bar would read every second aloud: while it has the focus only a seek is told.
    const quiet = document.activeElement === this.range && !this.held && !this.media.paused && !this.media.seeking;
    if (!quiet) this.range.setAttribute('aria-valuetext', text);
  }

  showBuffered() {
    const { length } = this;
    const { buffered } = this.media;
    if (length === 0) {
      this.rail.style.removeProperty('background-image');
      return;
    }
    const stops = [];
    for (let index = 0; index < buffered.length; index += 1) {
      const from = ((buffered.start(index) / length) * 100).toFixed(2);
      const to = ((buffered.end(index) / length) * 100).toFixed(2);
      stops.push(`transparent ${from}%`, `var(--buffered) ${from}% ${to}%`, `transparent ${to}%`);
    }
    // Set through the object model, which the content security policy allows; all parts are numbers.
    this.rail.style.backgroundImage = stops.length > 0 ? `linear-gradient(to right, ${stops.join(', ')})` : '';
  }

  /** Where chapters begin, but for the first. */
  mark() {
    const { length } = this;
    const starts = this.preview.chapters.map((chapter) => chapter.start_seconds);
    fill(
      this.marks,
      starts
        .filter((start) => start > 0 && start < length)
        .map((start) => {
          const mark = h('span');
          mark.style.setProperty('--at', String(start / length));
          return mark;
        }),
    );
  }

  /** @param {PointerEvent} event */
  follow(event) {
    // A finger only looks at a place by dragging there, which is an input.
    if (event.pointerType === 'touch') return;
    const box = this.rail.getBoundingClientRect();
    this.point(Math.min(1, Math.max(0, (event.clientX - box.left) / box.width)) * this.length);
  }

  /** @param {number} place  seconds */
  point(place) {
    const { length } = this;
    if (length > 0) this.preview.show(place, place / length);
  }
}
