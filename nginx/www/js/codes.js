/** Recovery codes, shown once. */

import { fill, h } from './dom.js';
import * as handover from './handover.js';

/**
 * @param {HTMLElement} place  to fill
 * @param {string[]} codes
 * @param {string} text  what has just happened
 * @param {() => void} done
 */
export function keepCodes(place, codes, text, done) {
  const heading = h('h3', { tabindex: '-1' }, 'Keep your recovery codes');
  const copy = handover.copyButton('Copy them');
  const list = h(
    'ul',
    { class: 'codes', 'aria-label': 'Recovery codes' },
    codes.map((code) => h('li', {}, code)),
  );
  copy.addEventListener('click', () =>
    handover.copy(copy, codes.join('\n'), () => getSelection()?.selectAllChildren(list)),
  );
  fill(
    place,
    heading,
    h(
      'p',
      {},
      `${text} Each of these signs you in once when the other factors are lost. They are shown this once: write them down, away from your phone.`,
    ),
    list,
    h(
      'div',
      { class: 'buttons' },
      h('button', { type: 'button', class: 'primary', onclick: done }, 'I have kept them'),
      copy,
    ),
  );
  heading.focus();
}
