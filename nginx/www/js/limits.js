/** At a limit: what is there already, and ending one of it to go on. */

import { h, uniqueId } from './dom.js';

/**
 * @typedef {object} Running
 * @property {string} id
 * @property {string} title
 * @property {string} detail
 * @property {string} label  of the button that ends it, for a screen reader
 */

/**
 * Lets the person choose which one ends.
 * @param {string} heading
 * @param {string} text
 * @param {Running[]} running
 * @returns {Promise<?string>} its id; null when all are kept
 */
export function chooseOne(heading, text, running) {
  const named = uniqueId('limit');
  const dialog = h('dialog', { class: 'streams', 'aria-labelledby': named });
  /** @type {?string} */
  let chosen = null;
  dialog.append(
    h('h2', { id: named }, heading),
    h('p', {}, text),
    h(
      'ul',
      {},
      ...running.map(({ id, title, detail, label }) =>
        h(
          'li',
          {},
          h('div', {}, h('p', { class: 'what', dir: 'auto' }, title), h('p', { class: 'fine' }, detail)),
          h(
            'button',
            {
              type: 'button',
              class: 'secondary',
              'aria-label': label,
              onclick: () => {
                chosen = id;
                dialog.close();
              },
            },
            'End this one',
          ),
        ),
      ),
    ),
    h('form', { method: 'dialog' }, h('button', { class: 'quiet' }, 'Keep them')),
  );
  document.body.append(dialog);
  return new Promise((resolve) => {
    dialog.addEventListener('close', () => {
      dialog.remove();
      resolve(chosen);
    });
    // Leaving the view (the back button) answers the question too.
    addEventListener('hashchange', () => dialog.close(), { once: true });
    dialog.showModal();
  });
}
