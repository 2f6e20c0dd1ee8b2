/** The sign-in view: the slot of the box. */

import { h, fill } from './dom.js';
import { alarm } from './announce.js';
import * as session from './session.js';
import { Problem, sentence } from './problems.js';

/** @param {import('./types.js').ViewContext} context */
export function showSignIn({ root, signal }) {
  const name = h('input', {
    id: 'username', name: 'username', type: 'text', required: true, autocomplete: 'username', autocapitalize: 'none', spellcheck: 'false',
    'aria-describedby': 'signin-problem',
  });
  const password = h('input', {
    id: 'password', name: 'password', type: 'password', required: true, autocomplete: 'current-password',
    'aria-describedby': 'signin-problem',
  });
  const peek = h('button', { type: 'button', class: 'peek', 'aria-pressed': 'false', 'aria-controls': 'password' }, 'Show password');
  const submit = h('button', { type: 'submit', class: 'primary' }, 'Sign in');
  const trouble = h('p', { id: 'signin-problem', class: 'trouble', hidden: true });
  const form = h('form', { novalidate: true, action: '#', method: 'post' },
    h('div', { class: 'field' }, h('label', { for: 'username' }, 'Name'), name),
    h('div', { class: 'field' }, h('div', { class: 'labels' }, h('label', { for: 'password' }, 'Password'), peek), password),
    trouble, submit);

  root.append(h('section', { class: 'cabinet', 'aria-labelledby': 'signin-heading' },
    h('div', { class: 'eyepiece', 'aria-hidden': 'true' }, h('div', { class: 'lamp' })),
    h('h1', { id: 'signin-heading' }, 'Kinetoscope'),
    h('p', { class: 'motto' }, 'A box in which one person watches a film.'),
    form));

  /** @param {string} text @param {HTMLInputElement} at */
  const refuse = (text, at) => {
    fill(trouble, text);
    trouble.hidden = false;
    for (const field of [name, password]) field.toggleAttribute('aria-invalid', false);
    at.setAttribute('aria-invalid', 'true');
    at.focus();
    alarm(text);
  };

  peek.addEventListener('click', () => {
    const shown = password.type === 'text';
    password.type = shown ? 'password' : 'text';
    peek.setAttribute('aria-pressed', String(!shown));
  }, { signal });

  form.addEventListener('submit', async (event) => {
    event.preventDefault();
    if (submit.disabled) return;
    if (!name.value.trim()) return void refuse('Please enter your name.', name);
    if (!password.value) return void refuse('Please enter your password.', password);
    submit.disabled = true;
    fill(submit, 'Signing in…');
    trouble.hidden = true;
    try {
      await session.signIn(name.value.trim(), password.value);
    } catch (error) {
      if (!signal.aborted) refuse(refusal(error), password);
    } finally {
      submit.disabled = false;
      fill(submit, 'Sign in');
    }
  }, { signal });

  name.focus();
}

/**
 * @param {unknown} error
 * @returns {string}
 */
function refusal(error) {
  if (error instanceof Problem && [400, 401, 422].includes(error.status)) {
    return 'This name and password do not belong together. Please check both.';
  }
  return sentence(error);
}
