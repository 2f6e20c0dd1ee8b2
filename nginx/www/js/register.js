/** Becoming a user: by a link with an invitation, or where everybody may. */

import { newPassword, username } from './credentials.js';
import { fill, h } from './dom.js';
import { cabinet } from './door.js';
import { Field, Form } from './forms.js';
import { send } from './http.js';
import { Problem, sentence } from './problems.js';
import * as session from './session.js';
import { showSignIn } from './signin.js';

/** @typedef {import('./types.js').ViewContext} ViewContext */

/** @param {ViewContext} context */
export function showRegister(context) {
  const { root, route, signal } = context;
  if (route.name === 'invitation' && !route.token) return void askForLink(context, 'Invitation');
  document.title = 'Make an account · Kinetoscope';
  const name = username();
  const email = new Field('email', 'E-mail address', { name: 'email', type: 'email', autocomplete: 'email' });
  const password = newPassword('Password', signal);
  const form = new Form({
    id: 'register',
    fields: [name, email, password],
    submit: 'Make the account',
    busy: 'Making it…',
    signal,
    async work() {
      const person = { username: name.value, email: email.value, password: password.value, invitation: route.token };
      try {
        await send('POST', '/auth/register', { body: person });
      } catch (error) {
        if (!(error instanceof Problem && error.code === 'taken')) throw error;
        return void form.refuse(sentence(error), name);
      }
      try {
        await session.enter('login', { username: person.username, password: person.password });
      } catch {
        if (!signal.aborted) showSignIn(context, 'Your account is made. Please sign in.');
      }
    },
  });
  fill(
    root,
    cabinet(
      'Kinetoscope',
      route.token ? 'You are invited. Make your account.' : 'Make your account.',
      form.element,
      h('p', { class: 'other-ways' }, h('a', { href: '#/' }, 'I have an account')),
    ),
  );
  name.input.focus();
}

/**
 * The link was opened before, and its token is not kept anywhere: the mail has it.
 * @param {ViewContext} context
 * @param {string} what
 */
export function askForLink({ root }, what) {
  document.title = `${what} · Kinetoscope`;
  const door = cabinet(
    what,
    'This page needs the link that you were sent.',
    h('p', {}, 'Open it again from your message. Nothing of it is kept in this browser.'),
    h('p', { class: 'other-ways' }, h('a', { href: '#/' }, 'Sign in')),
  );
  fill(root, door);
  door.querySelector('h1')?.focus();
}
