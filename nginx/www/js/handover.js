/** What goes from the page to another program or device: a line to copy, a file to keep, a code for a camera. */

import { say } from './announce.js';
import { fill, h, uniqueId } from './dom.js';
import { icon } from './icons.js';

/**
 * A line of text that is marked as soon as it has the focus. Where it is too long for the screen it is broken, not cut:
 * it may have to be typed elsewhere.
 * @param {string} label
 * @param {string} [value]
 * @returns {{element: HTMLElement, field: HTMLTextAreaElement}}
 */
export function line(label, value = '') {
  const field = h(
    'textarea',
    { id: uniqueId('line'), rows: '2', readonly: true, class: 'link', onfocus: () => field.select() },
    value,
  );
  return { element: h('div', { class: 'shown-link' }, h('label', { for: field.id }, label), field), field };
}

/**
 * @param {string} name
 * @returns {HTMLButtonElement}
 */
export function copyButton(name) {
  return h('button', { type: 'button', class: 'secondary' }, icon('copy'), name);
}

/**
 * @param {string} name
 * @returns {HTMLButtonElement}
 */
export function saveButton(name) {
  return h('button', { type: 'button', class: 'secondary' }, icon('download'), name);
}

/**
 * Copies, and says so. Without permission, or too long after the click, it marks what can be copied by hand.
 * @param {HTMLButtonElement} button  one of copyButton()
 * @param {string} text
 * @param {() => void} mark
 */
export async function copy(button, text, mark) {
  const name = button.textContent ?? '';
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    mark();
    say('It is marked for copying.');
    return;
  }
  say('Copied.');
  if (name === 'Copied') return;
  fill(button, icon('copy'), 'Copied');
  setTimeout(() => fill(button, icon('copy'), name), 3000);
}

/**
 * Saves a playlist as a file.
 * @param {string} name  of the file
 * @param {string} content
 */
export function save(name, content) {
  const file = URL.createObjectURL(new Blob([content], { type: 'audio/x-mpegurl' }));
  h('a', { href: file, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(file), 10_000);
  say('Playlist saved.');
}

/**
 * A QR code of the API's, as a picture: nothing in it can run.
 * @param {string} drawing  an SVG document
 * @param {string} text  what it is, for who does not see it; what it says stands beside it
 */
export function qrCode(drawing, text) {
  return h('img', { class: 'qr', src: `data:image/svg+xml,${encodeURIComponent(drawing)}`, alt: text });
}
