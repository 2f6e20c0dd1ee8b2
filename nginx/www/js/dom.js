/** Building the page. Text only ever becomes text nodes: file names are hostile. */

/** @typedef {Node|string|number|null|undefined|false} Child */

const SVG = 'http://www.w3.org/2000/svg';

/**
 * An element. `on…` attributes must be functions and become listeners; `true` is a bare attribute;
 * null, undefined and false are left out.
 * @template {keyof HTMLElementTagNameMap} T
 * @param {T} tag
 * @param {Record<string, unknown>} [attributes]
 * @param {...(Child|Child[])} children
 * @returns {HTMLElementTagNameMap[T]}
 */
export function h(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) set(element, name, value);
  append(element, children);
  return element;
}

/**
 * An element of an SVG drawing.
 * @param {string} tag
 * @param {Record<string, string|number>} [attributes]
 * @param {...SVGElement} children
 * @returns {SVGElement}
 */
export function svg(tag, attributes = {}, ...children) {
  const element = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, String(value));
  element.append(...children);
  return element;
}

/**
 * @param {Element} element
 * @param {(Child|Child[])[]} children
 */
export function append(element, children) {
  for (const child of children.flat()) {
    if (child !== null && child !== undefined && child !== false) {
      element.append(child instanceof Node ? child : String(child));
    }
  }
}

/**
 * Replaces what an element holds.
 * @param {Element} element
 * @param {...(Child|Child[])} children
 */
export function fill(element, ...children) {
  element.replaceChildren();
  append(element, children);
}

/**
 * A link from the API is used only when it stays with http(s): never `javascript:` or `data:`.
 * @param {unknown} link
 * @returns {?string}
 */
export function safeLink(link) {
  if (typeof link !== 'string' || link === '') return null;
  try {
    const url = new URL(link, location.origin);
    return url.protocol === 'https:' || url.origin === location.origin ? link : null;
  } catch {
    return null;
  }
}

let serial = 0;

/**
 * An id for `for`, `aria-labelledby` and the like.
 * @param {string} stem
 */
export function uniqueId(stem) {
  serial += 1;
  return `${stem}-${serial}`;
}

/**
 * @param {Element} element
 * @param {string} name
 * @param {unknown} value
 */
function set(element, name, value) {
  if (value === null || value === undefined || value === false) return;
  if (name.startsWith('on')) {
    if (typeof value !== 'function') throw new TypeError(`${name} takes a function`);
    element.addEventListener(name.slice(2), /** @type {EventListener} */ (value));
  } else if (name === 'style') {
    throw new TypeError('the content security policy allows no style attribute; use a class or CSSOM');
  } else {
    element.setAttribute(name, value === true ? '' : String(value));
  }
}
