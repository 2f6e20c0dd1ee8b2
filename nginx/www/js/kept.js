/** For admins, on the page of a title: the versions of it that play everywhere, and when such are made and kept. */

import { alarm, say } from './announce.js';
import { changeVideo, video as fetchVideo, removeRenditions } from './api.js';
import { fill, h, uniqueId } from './dom.js';
import { bytes } from './format.js';
import { sentence, wasAborted } from './problems.js';

/** @typedef {import('./types.js').Video} Video */

/** When versions that play everywhere are made, in the words of the API and of people. */
export const POLICIES = /** @type {const} */ ([
  ['', 'As the folder has it'],
  ['as_needed', 'Where browsers need them'],
  ['ladder', 'Always, in several sizes'],
  ['none', 'Never'],
]);

/** Pictures and sound of them, and what leads into these. Subtitles are packed for players, too, and stay. */
const OF_VERSIONS = /^(?!sub-).*-[0-9a-f]{8}\.(mp4|m3u8)$/;

/** What becomes of a title whose versions are removed, by its policy. @type {Record<string, string>} */
const AFTERWARDS = {
  as_needed: 'Removed, they are made again when somebody plays it who needs them.',
  ladder: 'Removed, they are made again when somebody plays it who needs them.',
  none: 'Removed, they are not made again.',
};

export class Kept {
  /**
   * @param {Video} video  kept as the server has it
   * @param {AbortSignal} signal
   * @param {() => void} onChange  there are others now, or none
   */
  constructor(video, signal, onChange) {
    this.video = video;
    this.signal = signal;
    this.onChange = onChange;
    this.told = h('p', {});
    this.trouble = h('p', { class: 'trouble', hidden: true });
    this.remove = h(
      'button',
      { type: 'button', class: 'secondary', onclick: () => this.act(this.clear) },
      'Remove them',
    );
    this.policy = h(
      'select',
      { id: uniqueId('policy'), onchange: () => this.act(this.choose) },
      POLICIES.map(([word, name]) =>
        h('option', { value: word, selected: word === (video.renditions_chosen ?? '') }, name),
      ),
    );
    const heading = uniqueId('kept');
    this.element = h(
      'section',
      { class: 'ledger kept', 'aria-labelledby': heading },
      h('h2', { id: heading, tabindex: '-1' }, 'Versions'),
      this.told,
      h('div', { class: 'field' }, h('label', { for: this.policy.id }, 'Made and kept'), this.policy),
      this.trouble,
      h('div', { class: 'row' }, this.remove),
    );
    this.show();
  }

  show() {
    const files = (this.video.files ?? []).filter((file) => OF_VERSIONS.test(file.name));
    const size = files.reduce((sum, file) => sum + file.size_bytes, 0);
    fill(
      this.told,
      files.length > 0
        ? `${bytes(size)} are kept that play in every browser. ${AFTERWARDS[this.video.renditions ?? ''] ?? ''}`
        : 'None are kept that play in every browser.',
    );
    this.remove.hidden = files.length === 0;
  }

  clear = async () => {
    await removeRenditions(this.video.id);
    say('The versions are removed. Who watches them goes on.');
  };

  choose = async () => {
    await changeVideo(this.video.id, { renditions: this.policy.value || null });
    say('Kept.');
  };

  /** @param {() => Promise<void>} work */
  async act(work) {
    this.remove.disabled = true;
    this.trouble.hidden = true;
    try {
      await work();
      Object.assign(this.video, await fetchVideo(this.video.id, this.signal));
      const hadFocus = this.remove === document.activeElement || document.activeElement === document.body;
      this.show();
      if (hadFocus && this.remove.hidden) this.element.querySelector('h2')?.focus({ preventScroll: true });
      this.onChange();
    } catch (error) {
      if (this.signal.aborted || wasAborted(error)) return;
      fill(this.trouble, sentence(error));
      this.trouble.hidden = false;
      alarm(sentence(error));
    } finally {
      this.remove.disabled = false;
    }
  }
}
