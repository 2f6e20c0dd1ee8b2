/** One upload on the page: how far it is, what it will be called, and what can be done with it. */

import { alarm, say } from './announce.js';
import { fill, h, uniqueId } from './dom.js';
import { bytes, clock } from './format.js';
import { POLICIES } from './kept.js';
import { Problem, sentence } from './problems.js';
import { titleAddress } from './router.js';
import { running } from './transfer.js';
import * as uploads from './uploads.js';

/** @typedef {import('./types.js').Upload} Upload */
/** @typedef {import('./transfer.js').Transfer} Transfer */

const VIEWERS = /** @type {const} */ ([
  ['', 'As the folder has it'],
  ['members', 'Everybody with an account'],
  ['public', 'Guests, too'],
  ['named', 'Me alone'],
]);

/** Fields that take a whole line. */
const WIDE = new Set(['title', 'description']);

/** Fields that have a value of the folder's, where none is chosen. */
const CHOSEN = new Set(['visibility', 'renditions']);

export class UploadCard {
  /**
   * @param {object} what
   * @param {Upload} what.upload
   * @param {AbortSignal} what.signal
   * @param {(upload: Upload) => void} what.choose  asks for the file again
   */
  constructor({ upload, signal, choose }) {
    this.upload = upload;
    this.signal = signal;
    this.heading = uniqueId('upload');
    this.bar = h('progress', { max: '1', 'aria-labelledby': this.heading });
    this.told = h('p', { class: 'fine' });
    this.trouble = h('p', { class: 'trouble', hidden: true });
    this.pause = h('button', { type: 'button', class: 'secondary', onclick: () => this.transfer?.pause() }, 'Pause');
    this.go = h('button', { type: 'button', class: 'secondary', onclick: () => this.goOn(choose) }, 'Go on');
    this.cancel = h('button', { type: 'button', class: 'quiet', onclick: () => this.act(() => this.end()) }, 'Cancel');
    this.watch = h('a', { class: 'secondary', hidden: true }, 'Open the title');
    this.fields = this.form();
    this.element = h(
      'li',
      { class: 'ledger upload' },
      h('h2', { id: this.heading }, upload.name),
      this.bar,
      this.told,
      this.trouble,
      this.fields,
      h('div', { class: 'row' }, this.pause, this.go, this.watch, this.cancel),
    );
    this.follow(running.get(upload.id));
  }

  /** @param {Transfer|undefined} transfer */
  follow(transfer) {
    this.transfer = transfer;
    transfer?.addEventListener('change', () => this.show(), { signal: this.signal });
    this.show();
  }

  /** @param {import('./types.js').UploadTold} told  of one that this page does not send itself */
  hear(told) {
    if (this.transfer) return;
    if (told.state === 'gone') {
      this.element.remove();
      return;
    }
    const before = this.upload.state;
    const { state, reason, video_id, appended } = told;
    Object.assign(this.upload, { state, reason, video_id });
    this.upload.arrived_parts = Math.max(this.upload.arrived_parts, appended);
    this.show(before);
  }

  /** @param {Upload['state']} [before] */
  show(before = this.upload.state) {
    // What the form has changed is newer than what the transfer knows of that.
    if (this.transfer) this.upload = this.transfer.upload;
    const { size_bytes: size, state, reason, video_id: video } = this.upload;
    const sent = this.transfer?.sentBytes ?? (this.upload.arrived_parts / this.upload.parts) * size;
    const isOpen = state === 'open';
    const isSending = isOpen && Boolean(this.transfer?.isUnderWay);
    this.bar.value = isOpen ? sent / size : 1;
    this.bar.hidden = state === 'refused';
    fill(this.told, this.line(sent, isSending));
    fill(this.trouble, reason ?? this.transfer?.trouble ?? '');
    this.trouble.hidden = !this.trouble.textContent;
    this.fields.hidden = !isOpen && state !== 'checking';
    this.pause.hidden = !isSending;
    this.go.hidden = !isOpen || isSending;
    fill(this.go, this.transfer ? 'Go on' : 'Choose the file again to go on');
    fill(this.cancel, isOpen || state === 'checking' ? 'Cancel' : 'Take off the list');
    this.watch.hidden = !video;
    if (video) this.watch.setAttribute('href', titleAddress(video));
    if (before !== state && state === 'done') say(`${this.upload.name} is in the library.`);
    if (before !== state && state === 'refused') say(`${this.upload.name} was refused: ${reason}`);
  }

  /**
   * @param {number} sent
   * @param {boolean} isSending
   */
  line(sent, isSending) {
    const { size_bytes: size, state } = this.upload;
    if (state === 'checking') return 'All is there. It is being looked at.';
    if (state === 'done') return `${bytes(size)}, in the library.`;
    if (state === 'refused') return 'It was refused, and is removed within the hour.';
    const way = `${bytes(sent)} of ${bytes(size)}`;
    const speed = this.transfer?.speed ?? 0;
    if (!isSending) return `${way}, paused.`;
    return speed > 0 ? `${way}, ${bytes(speed)} a second, ${clock((size - sent) / speed)} left` : `${way}.`;
  }

  /** @param {(upload: Upload) => void} choose */
  goOn(choose) {
    if (this.transfer) this.transfer.go();
    else choose(this.upload);
  }

  async end() {
    await (this.transfer ? this.transfer.cancel() : uploads.cancel(this.upload.id));
    this.element.remove();
  }

  /** Each field is kept when it is left. */
  form() {
    const { title, description, visibility, renditions, place } = this.upload;
    const folder = h('input', { type: 'text', value: place.folder, maxlength: '500', placeholder: 'Films/2026' });
    return h(
      'div',
      { class: 'wishes' },
      this.field('Title', h('input', { type: 'text', value: title, maxlength: '300' }), 'title'),
      this.field('Folder', folder, 'folder'),
      this.field('Who sees it', choice(VIEWERS, visibility), 'visibility'),
      this.field('Versions for every browser', choice(POLICIES, renditions), 'renditions'),
      this.field('Description', h('textarea', { rows: '3', maxlength: '10000' }, description), 'description'),
    );
  }

  /**
   * @param {string} label
   * @param {HTMLInputElement|HTMLSelectElement|HTMLTextAreaElement} input
   * @param {string} name  as the API calls it
   */
  field(label, input, name) {
    input.id = uniqueId('wish');
    const problem = h('p', { id: `${input.id}-problem`, class: 'trouble', hidden: true });
    input.setAttribute('aria-describedby', problem.id);
    let turn = 0;
    const keep = async () => {
      const mine = ++turn;
      const value = input.value.trim();
      let text = '';
      try {
        // An empty title is made from the name; what is not chosen is the folder's.
        if (value || name !== 'title')
          await uploads.change(this.upload.id, { [name]: CHOSEN.has(name) ? value || null : value });
      } catch (error) {
        text = (error instanceof Problem && error.complaint(name)) || sentence(error);
      }
      if (mine !== turn || this.signal.aborted) return;
      // What was typed stays, to be mended.
      fill(problem, text);
      problem.hidden = !text;
      if (text) input.setAttribute('aria-invalid', 'true');
      else input.removeAttribute('aria-invalid');
      if (text) alarm(`${label}: ${text}`);
      else this.show();
    };
    input.addEventListener('change', () => void keep(), { signal: this.signal });
    return h(
      'div',
      { class: WIDE.has(name) ? 'field wide' : 'field' },
      h('label', { for: input.id }, label),
      input,
      problem,
    );
  }

  /** @param {() => Promise<void>} work */
  async act(work) {
    try {
      await work();
      this.show();
    } catch (error) {
      fill(this.trouble, sentence(error));
      this.trouble.hidden = false;
    }
  }
}

/**
 * @param {readonly (readonly [string, string])[]} words  each with its name
 * @param {?string} [chosen]
 */
function choice(words, chosen) {
  return h(
    'select',
    {},
    words.map(([word, name]) => h('option', { value: word, selected: word === (chosen ?? '') }, name)),
  );
}
