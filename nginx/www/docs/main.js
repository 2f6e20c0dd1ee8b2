/** The documentation of the interface, drawn from the document that the interface itself serves. */

import { fill, h } from '/js/dom.js';
import { fields, kind } from './shapes.js';

/** @typedef {Record<string, any>} Part */

const METHODS = ['get', 'post', 'put', 'patch', 'delete'];

/**
 * @param {Part} operation
 * @returns {string}
 */
function callers(operation) {
  if (!operation.security?.length) return 'Anyone may call it.';
  return `Who is signed in as ${operation['x-roles'].join(', ').replace(/, ([^,]*)$/, ' or $1')} may call it.`;
}

/**
 * @param {Part[]} parameters
 * @returns {HTMLElement[]}
 */
function inputs(parameters) {
  if (!parameters.length) return [];
  const rows = parameters.flatMap((one) => [
    h('dt', {}, one.name),
    h(
      'dd',
      {},
      `in the ${one.in}: `,
      ...kind(one.schema),
      one.required ? ', required' : null,
      one.description ? `. ${one.description}` : null,
    ),
  ]);
  return [h('h3', {}, 'Parameters'), h('dl', { class: 'rows' }, rows)];
}

/**
 * @param {Part} answers
 * @returns {HTMLElement[]}
 */
function outputs(answers) {
  const rows = Object.entries(answers).flatMap(([status, answer]) => {
    const schema = Object.values(answer.content ?? {})[0]?.schema;
    const headers = Object.keys(answer.headers ?? {});
    return [
      h('dt', {}, status),
      h(
        'dd',
        {},
        answer.description,
        schema ? ' — ' : null,
        ...(schema ? kind(schema) : []),
        headers.length ? h('span', { class: 'fine' }, ` (${headers.join(', ')})`) : null,
      ),
    ];
  });
  return [h('h3', {}, 'Answers'), h('dl', { class: 'rows' }, rows)];
}

/**
 * @param {string} method
 * @param {string} path
 * @param {Part} operation
 * @returns {HTMLElement}
 */
function call(method, path, operation) {
  const body = operation.requestBody?.content?.['application/json']?.schema;
  return h(
    'details',
    { class: 'call', id: operation.operationId, 'data-words': `${method} ${path} ${operation.summary}`.toLowerCase() },
    h(
      'summary',
      {},
      h('span', { class: 'method' }, method.toUpperCase()),
      h('span', { class: 'path' }, path),
      h('span', { class: 'summary' }, operation.summary),
    ),
    h(
      'div',
      {},
      operation.description ? h('p', {}, operation.description) : null,
      h('p', { class: 'fine' }, callers(operation)),
      inputs(operation.parameters ?? []),
      body ? [h('h3', {}, 'Body'), h('p', {}, ...kind(body))] : null,
      outputs(operation.responses),
    ),
  );
}

/**
 * @param {Part} spec
 * @returns {Map<string, HTMLElement[]>}
 */
function calls(spec) {
  /** @type {Map<string, HTMLElement[]>} */
  const byTag = new Map();
  for (const [path, item] of Object.entries(spec.paths)) {
    for (const method of METHODS.filter((one) => one in item)) {
      const tag = item[method].tags[0];
      byTag.set(tag, [...(byTag.get(tag) ?? []), call(method, path, item[method])]);
    }
  }
  return byTag;
}

/**
 * @param {Part} spec
 * @returns {HTMLElement}
 */
function problems(spec) {
  return h(
    'section',
    { 'aria-labelledby': 'problems' },
    h('h2', { id: 'problems' }, 'Problems'),
    h('p', {}, 'Go by the code: it never changes its meaning.'),
    Object.entries(spec['x-problems']).map(([name, code]) =>
      h(
        'div',
        { class: 'code', id: `problem-${name}` },
        h('h3', {}, h('code', {}, name), ` · ${code.statuses.join(', ')}`),
        h('p', {}, `${code.meaning} ${code.remedy}`),
      ),
    ),
  );
}

/**
 * @param {Part} spec
 * @returns {HTMLElement}
 */
function shapes(spec) {
  return h(
    'section',
    { 'aria-labelledby': 'shapes' },
    h('h2', { id: 'shapes' }, 'Shapes'),
    Object.entries(spec.components.schemas).map(([name, schema]) =>
      h(
        'details',
        { class: 'shape', id: `shape-${name}` },
        h('summary', {}, h('code', {}, name)),
        h('div', {}, schema.description ? h('p', {}, schema.description) : null, fields(schema)),
      ),
    ),
  );
}

/** Opens and shows what the address names, also when that lies within something closed. */
function follow() {
  const target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
  if (target instanceof HTMLDetailsElement) target.open = true;
  target?.scrollIntoView();
}

/** @returns {HTMLElement[]} */
function filter() {
  const input = h('input', { type: 'search', id: 'find', autocomplete: 'off' });
  input.addEventListener('input', () => {
    const words = input.value.toLowerCase().split(/\s+/);
    for (const one of /** @type {NodeListOf<HTMLElement>} */ (document.querySelectorAll('.call'))) {
      one.hidden = !words.every((word) => one.dataset.words?.includes(word));
    }
  });
  return [h('label', { for: 'find' }, 'Find a call'), input];
}

const page = /** @type {HTMLElement} */ (document.getElementById('docs'));
try {
  const answer = await fetch('/api/openapi.json');
  if (!answer.ok) throw new Error(`status ${answer.status}`);
  const spec = await answer.json();
  const sections = [...calls(spec)].map(([tag, list]) =>
    h('section', { 'aria-labelledby': `tag-${tag}` }, h('h2', { id: `tag-${tag}` }, tag), list),
  );
  const places = [...calls(spec).keys()]
    .map((tag) => [`tag-${tag}`, tag])
    .concat([
      ['problems', 'Problems'],
      ['shapes', 'Shapes'],
    ]);
  fill(
    page,
    h('h1', {}, `${spec.info.title}: the interface`),
    h('p', {}, spec.info.description),
    h('p', {}, `Version ${spec.info.version}. `, h('a', { href: '/api/openapi.json' }, 'The OpenAPI document'), '.'),
    h(
      'nav',
      { 'aria-label': 'Parts' },
      h(
        'ul',
        {},
        places.map(([id, name]) => h('li', {}, h('a', { href: `#${id}` }, name))),
      ),
    ),
    filter(),
    sections,
    problems(spec),
    shapes(spec),
  );
  window.addEventListener('hashchange', follow);
  follow();
} catch {
  fill(
    page,
    h('h1', {}, 'The interface'),
    h('p', { role: 'alert' }, 'The document can’t be read right now. Reload the page in a moment.'),
  );
} finally {
  page.removeAttribute('aria-busy');
}
