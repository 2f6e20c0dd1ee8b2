/** The fields by which people say who they are, each as browsers and password managers know it. */

import { Field } from './forms.js';
import { send } from './http.js';

export function username() {
  return new Field('username', 'Name', {
    name: 'username',
    autocomplete: 'username',
    autocapitalize: 'none',
    spellcheck: 'false',
  });
}

/**
 * The password that somebody has.
 * @param {string} [id]
 * @param {string} [label]
 * @param {string} [name]
 */
export function password(id = 'password', label = 'Password', name = 'password') {
  return new Field(id, label, { name, type: 'password', autocomplete: 'current-password' });
}

/**
 * A password that is being chosen, with what is asked of one as soon as it is known.
 * @param {string} label
 * @param {AbortSignal} signal
 * @param {string} [name]
 */
export function newPassword(label, signal, name = 'password') {
  const field = new Field(
    'new-password',
    label,
    { name, type: 'password', autocomplete: 'new-password' },
    passwordAdvice(),
  );
  void send('GET', '/auth/ways', { signal }).then(
    (ways) => field.advise(passwordAdvice(ways.password_shortest)),
    () => undefined,
  );
  return field;
}

/**
 * The hint at a password that is being chosen.
 * @param {number} [shortest]  characters, when it is known
 */
function passwordAdvice(shortest) {
  return `${shortest ? `At least ${shortest} characters. ` : ''}Several unrelated words make a good one.`;
}
