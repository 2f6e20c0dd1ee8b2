/** What is written over the picture: that it takes a moment, why it stopped, where it went on. */

import { alarm, say } from './announce.js';
import { fill, h } from './dom.js';
import { clock, spoken } from './format.js';

const NOTICE_MS = 15_000;

export class Overlay {
  /**
   * @param {HTMLElement} frame  the player
   * @param {HTMLElement} home  takes the focus when what had it goes away
   */
  constructor(frame, home) {
    this.frame = frame;
    this.home = home;
    this.notice = h('div', { class: 'notice', hidden: true });
    this.noticed = 0;
    this.curtain = h('div', { class: 'curtain', hidden: true });
    this.elements = [h('div', { class: 'spinner', 'aria-hidden': 'true' }), this.notice, this.curtain];
  }

  /** The picture speaks for itself again. */
  clear() {
    this.frame.classList.remove('stalled', 'over');
    this.hide(this.curtain);
  }

  /**
   * @param {string} text
   * @returns {() => void} the moment is over, if nothing else was said since
   */
  busy(text) {
    this.frame.classList.remove('over');
    this.frame.classList.add('stalled');
    this.hide(this.curtain);
    const words = h('p', {}, text);
    fill(this.curtain, words);
    this.curtain.hidden = false;
    say(text);
    return () => {
      if (words.isConnected) this.clear();
    };
  }

  /**
   * Why it stopped, with a way on.
   * @param {string} text
   * @param {string} way
   * @param {() => void} go
   * @param {...Node} more  other ways
   */
  stop(text, way, go, ...more) {
    this.frame.classList.remove('stalled');
    const button = h('button', { type: 'button', class: 'primary', onclick: go }, way);
    fill(this.curtain, h('p', {}, text), h('div', { class: 'buttons' }, button, ...more));
    this.frame.classList.toggle('over', more.length > 0);
    this.curtain.hidden = false;
    alarm(text);
    // Only whoever is at the player is taken along.
    if (this.frame.contains(document.activeElement)) button.focus();
  }

  /**
   * @param {number} position  seconds
   * @param {() => void} startOver
   */
  offerStartOver(position, startOver) {
    const press = () => {
      startOver();
      this.hide(this.notice);
    };
    this.note(
      `Resumed at ${clock(position)}.`,
      h('button', { type: 'button', class: 'secondary', onclick: press }, 'Start over'),
    );
    say(`Resumed at ${spoken(position)}. Press 0 to start over.`);
  }

  /**
   * Something to know while it plays; goes by itself.
   * @param {string} text
   * @param {...Node} more
   */
  note(text, ...more) {
    clearTimeout(this.noticed);
    fill(this.notice, h('span', {}, text), ...more);
    this.notice.hidden = false;
    this.noticed = setTimeout(() => this.hide(this.notice), NOTICE_MS);
  }

  /** @param {HTMLElement} layer */
  hide(layer) {
    if (layer.contains(document.activeElement)) this.home.focus();
    layer.hidden = true;
  }
}
