/** The door of the box: what is around every page for somebody who is not signed in. */

import { h } from './dom.js';

/** @typedef {import('./dom.js').Child} Child */

/**
 * @param {string} heading
 * @param {string} motto  one line under it
 * @param {...(Child|Child[])} children
 * @returns {HTMLElement}
 */
export function cabinet(heading, motto, ...children) {
  return h(
    'section',
    { class: 'cabinet', 'aria-labelledby': 'door-heading' },
    h('div', { class: 'eyepiece', 'aria-hidden': 'true' }, h('div', { class: 'lamp' })),
    h('h1', { id: 'door-heading', tabindex: '-1' }, heading),
    h('p', { class: 'motto' }, motto),
    ...children,
  );
}
