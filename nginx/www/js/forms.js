/** Forms: labelled fields, each with a place for what is wrong with it, and one try at a time. */

import { alarm, say } from './announce.js';
import { fill, h } from './dom.js';
import { Problem, sentence } from './problems.js';

/** A labelled input. */
export class Field {
  /**
   * @param {string} id  of the input
   * @param {string} label
   * @param {Record<string, unknown>} attributes  of the input; `name` is what the API calls it
   * @param {string} [hint]
   */
  constructor(id, label, attributes, hint = '') {
    this.label = label;
    this.name = String(attributes.name);
    this.hint = h('p', { id: `${id}-hint`, class: 'fine', hidden: !hint }, hint);
    this.problem = h('p', { id: `${id}-problem`, class: 'trouble', hidden: true });
    this.input = h('input', {
      id,
      type: 'text',
      required: true,
      'aria-describedby': `${id}-hint ${id}-problem`,
      ...attributes,
    });
    this.secret = this.input.type === 'password';
    this.element = h(
      'div',
      { class: 'field' },
      h('div', { class: 'labels' }, h('label', { for: id }, label), this.secret && peek(this.input)),
      this.input,
      this.hint,
      this.problem,
    );
  }

  /** What was typed; spaces around anything but a password are nobody's intention. */
  get value() {
    return this.secret ? this.input.value : this.input.value.trim();
  }

  /** @param {string} text */
  advise(text) {
    fill(this.hint, text);
    this.hint.hidden = false;
  }

  /** @param {string} [text]  what is wrong; nothing: it is marked, and the form says why */
  refuse(text = '') {
    fill(this.problem, text);
    this.problem.hidden = !text;
    this.input.setAttribute('aria-invalid', 'true');
  }

  clear() {
    this.problem.hidden = true;
    this.input.removeAttribute('aria-invalid');
  }
}

/** A form whose work is a promise: one sentence of trouble above its button, and what is wrong with a field at it. */
export class Form {
  /**
   * @param {object} what
   * @param {string} what.id  its sentence of trouble gets `<id>-problem`
   * @param {Field[]} what.fields
   * @param {string} what.submit  the button's name
   * @param {string} what.busy  and while it works
   * @param {() => Promise<void>} what.work
   * @param {AbortSignal} what.signal
   * @param {(error: unknown) => string} [what.says]
   */
  constructor({ id, fields, submit, busy, work, signal, says = sentence }) {
    this.fields = fields;
    this.signal = signal;
    this.says = says;
    this.trouble = h('p', { id: `${id}-problem`, class: 'trouble', hidden: true });
    this.done = h('p', { class: 'notice-line', hidden: true });
    this.submit = h('button', { type: 'submit', class: 'primary' }, submit);
    for (const { input } of fields)
      input.setAttribute('aria-describedby', `${input.getAttribute('aria-describedby')} ${id}-problem`);
    this.element = h(
      'form',
      { class: 'entries', novalidate: true, action: '#', method: 'post' },
      fields.map((field) => field.element),
      this.trouble,
      this.done,
      this.submit,
    );
    this.element.addEventListener(
      'submit',
      async (event) => {
        event.preventDefault();
        if (this.submit.disabled || !this.complete()) return;
        fill(this.submit, busy);
        await this.attempt(work);
        fill(this.submit, submit);
      },
      { signal },
    );
  }

  /** Is every field filled in? Says which is not. */
  complete() {
    this.clear();
    const empty = this.fields.find((field) => field.input.required && !field.value);
    if (empty) this.refuse(`Please enter your ${empty.label.toLowerCase()}.`, empty);
    return !empty;
  }

  /**
   * Does the work, once at a time, and shows why it failed.
   * @param {() => Promise<void>} work
   * @param {(error: unknown) => string} [says]
   */
  async attempt(work, says = this.says) {
    if (this.submit.disabled) return;
    this.submit.disabled = true;
    this.clear();
    try {
      await work();
    } catch (error) {
      if (!this.signal.aborted) this.fail(error, says);
    } finally {
      this.submit.disabled = false;
    }
  }

  /** @param {unknown} error @param {(error: unknown) => string} says */
  fail(error, says) {
    const complaints = this.fields.map((field) => (error instanceof Problem ? error.complaint(field.name) : null));
    const first = complaints.findIndex(Boolean);
    if (first < 0) {
      this.refuse(says(error), this.fields.at(-1));
      return;
    }
    this.fields.forEach((field, index) => {
      const complaint = complaints[index];
      if (complaint) field.refuse(complaint);
    });
    this.fields[first]?.input.focus();
    alarm(complaints.filter(Boolean).join(' '));
  }

  /**
   * @param {string} text
   * @param {Field} [at]
   */
  refuse(text, at) {
    fill(this.trouble, text);
    this.trouble.hidden = false;
    at?.refuse();
    at?.input.focus();
    alarm(text);
  }

  /**
   * What came of it, until the next try.
   * @param {string} text
   */
  tell(text) {
    fill(this.done, text);
    this.done.hidden = false;
    say(text);
  }

  clear() {
    this.trouble.hidden = true;
    this.done.hidden = true;
    for (const field of this.fields) field.clear();
  }
}

/** @param {HTMLInputElement} input */
function peek(input) {
  const button = h(
    'button',
    { type: 'button', class: 'peek', 'aria-pressed': 'false', 'aria-controls': input.id },
    'Show password',
  );
  button.addEventListener('click', () => {
    const shown = input.type === 'text';
    input.type = shown ? 'password' : 'text';
    button.setAttribute('aria-pressed', String(!shown));
  });
  return button;
}
