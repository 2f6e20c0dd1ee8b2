/** The opening one looks through: the poster with a way to play, or why there is none and what may be done about it. */

import { alarm, say } from './announce.js';
import { transcode } from './api.js';
import { badge, poster, waitingReason } from './card.js';
import { adapts } from './delivery.js';
import { fill, h } from './dom.js';
import { codec, container, spoken } from './format.js';
import { icon } from './icons.js';
import { Player } from './player.js';
import { sentence, wasAborted } from './problems.js';
import * as session from './session.js';

/** @typedef {import('./types.js').Video} Video */
/** @typedef {import('./types.js').ViewContext} ViewContext */
/** @typedef {import('./capability.js').Capability} Capability */

export class Aperture {
  /**
   * @param {Video} video  kept as the server has it
   * @param {Capability} answer  of this browser
   * @param {import('./making.js').Making} making
   * @param {ViewContext} context
   */
  constructor(video, answer, making, context) {
    this.video = video;
    this.answer = answer;
    this.making = making;
    this.context = context;
    this.opening = h('div', { class: 'aperture' });
    this.element = h('div', { class: 'film' }, this.opening);
    this.show();
  }

  /** As things stand now; what is playing goes on. */
  show() {
    const { video, opening } = this;
    if (opening.classList.contains('open')) return;
    const focused = opening.contains(document.activeElement);
    opening.classList.toggle('shut', video.status !== 'ready');
    if (video.status !== 'ready') {
      this.refuse(badge(video.status), h('p', { dir: 'auto' }, video.status_reason || waitingReason(video.status)));
    } else if (this.answer === 'plays' || adapts(video) || (video.made_now && !this.making.failedNow)) {
      const length = video.duration_seconds ? `, ${spoken(video.duration_seconds)}` : '';
      const label = `Play${length}`;
      const way = { type: 'button', class: 'eyepiece-play', 'aria-label': label, onclick: () => this.play() };
      fill(opening, poster(video), h('button', way, icon('play')));
    } else {
      this.explain();
    }
    if (focused) opening.querySelector('button')?.focus({ preventScroll: true });
  }

  /** This browser does not play it as it is, and nothing else was made of it. */
  explain() {
    const { video } = this;
    const silent = this.answer === 'silent';
    const making = this.making.rendition;
    // Which is tried again below, with the reason.
    const failed = !making && this.making.failedRendition;
    const may = session.user()?.role === 'admin' && !making && !failed;
    this.refuse(
      h(
        'p',
        {},
        silent
          ? `This browser can’t play the sound of this file (${codec(video.audio_codec)}).`
          : `This browser can’t play this file as it is (${made(video)}).`,
      ),
      making && h('p', {}, 'It is being made playable here.'),
      failed && h('p', {}, 'It could not be made playable. The reason is told below.'),
      h('p', {}, `VLC, mpv and Kodi can${making ? ' now' : ''}: copy the link below, or download the playlist.`),
      h(
        'div',
        { class: 'buttons' },
        may && h('button', { type: 'button', class: 'primary', onclick: this.make }, 'Make it playable'),
        h(
          'button',
          { type: 'button', class: 'quiet', onclick: () => this.play(true) },
          silent ? 'Play it here without sound' : 'Try it here anyway',
        ),
      ),
    );
  }

  /** @param {...(Node|undefined|false)} words */
  refuse(...words) {
    fill(this.opening, poster(this.video), h('div', { class: 'refusal' }, ...words));
  }

  /** @param {boolean} [asItIs]  the file itself comes first */
  play(asItIs = this.answer === 'plays') {
    const player = new Player(this.video, asItIs, this.context);
    player.onMaking = () => this.making.follow();
    fill(this.opening, player.element);
    this.opening.classList.add('open');
    player.controls.play.focus({ preventScroll: true });
    this.opening.scrollIntoView({ block: 'nearest' });
    void player.start();
    // What a browser can't play is made for whoever presses play.
    if (this.answer !== 'plays') this.making.follow();
  }

  /** @param {Event} event */
  make = async (event) => {
    const button = /** @type {HTMLButtonElement} */ (event.currentTarget);
    button.disabled = true;
    try {
      const { jobs } = await transcode(this.video.id);
      this.making.begun(jobs);
      say('It is being made playable.');
    } catch (error) {
      button.disabled = false;
      if (this.context.signal.aborted || wasAborted(error)) return;
      button.after(h('p', { class: 'trouble' }, sentence(error)));
      alarm(sentence(error));
    }
  };
}

/** @param {Video} video */
function made(video) {
  return [container(video.container), codec(video.video_codec), codec(video.audio_codec)].filter(Boolean).join(', ');
}
