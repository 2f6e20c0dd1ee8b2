/** JSON Schemas in a few words, for people. */

import { h } from '/js/dom.js';

/** @typedef {Record<string, any>} Schema */

/** Key of a schema, what stands before its value, and after it. @type {[string, string, string?][]} */
const NOTES = [
  ['minimum', 'from'],
  ['maximum', 'to'],
  ['minLength', 'at least', 'characters'],
  ['maxLength', 'at most', 'characters'],
  ['minItems', 'at least', 'items'],
  ['maxItems', 'at most', 'items'],
  ['format', ''],
  ['pattern', 'matches'],
];

/**
 * What a value is: "string, at most 200 characters", a link to a named shape, or a list of one.
 * @param {Schema} schema
 * @returns {(Node|string)[]}
 */
export function kind(schema) {
  if (schema.$ref) {
    const name = schema.$ref.split('/').pop();
    return [h('a', { href: `#shape-${name}` }, name)];
  }
  const choices = schema.anyOf ?? schema.oneOf ?? schema.allOf;
  if (choices)
    return choices.flatMap((/** @type {Schema} */ one, /** @type {number} */ n) => [
      ...(n ? [' or '] : []),
      ...kind(one),
    ]);
  if (schema.type === 'array') return ['list of ', ...kind(schema.items ?? {})];
  if ('const' in schema) return [JSON.stringify(schema.const)];
  if (schema.enum) return [schema.enum.map((/** @type {unknown} */ value) => JSON.stringify(value)).join(', ')];
  const notes = NOTES.filter(([key]) => key in schema).map(([key, before, after = '']) =>
    `${before} ${schema[key]} ${after}`.trim(),
  );
  return [[[schema.type ?? 'anything'].flat().join(' or '), ...notes].join(', ')];
}

/**
 * The fields of an object as a list of terms.
 * @param {Schema} schema
 * @returns {HTMLElement}
 */
export function fields(schema) {
  const wanted = new Set(schema.required ?? []);
  const rows = Object.entries(schema.properties ?? {}).flatMap(([name, field]) => [
    h('dt', {}, name),
    h(
      'dd',
      {},
      ...kind(field),
      wanted.has(name) ? ', required' : null,
      'default' in field && field.default !== null ? `, else ${JSON.stringify(field.default)}` : null,
      field.description ? `. ${field.description}` : null,
    ),
  ]);
  return rows.length ? h('dl', { class: 'rows' }, rows) : h('p', {}, ...kind(schema));
}
