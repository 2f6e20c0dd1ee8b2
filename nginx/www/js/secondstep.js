/** The second step of signing in: a code, a recovery code, or a passkey. */

import { say } from './announce.js';
import { fill, h } from './dom.js';
import { cabinet } from './door.js';
import { Field, Form } from './forms.js';
import * as passkeys from './passkeys.js';
import { Problem, sentence } from './problems.js';

/** @typedef {import('./types.js').Method} Method */

/** How a method is asked for, and what it is called when it is the other way. */
const ASKED = {
  totp: {
    label: 'Code',
    hint: 'The six digits that your authenticator app shows now.',
    other: 'Use the authenticator app',
    attributes: { name: 'code', inputmode: 'numeric', autocomplete: 'one-time-code' },
  },
  recovery: {
    label: 'Recovery code',
    hint: 'One of those that you have kept. Each serves once.',
    other: 'Use a recovery code',
    attributes: { name: 'recovery_code', autocomplete: 'off', autocapitalize: 'none', spellcheck: 'false' },
  },
};

/**
 * @param {import('./types.js').ViewContext} context
 * @param {import('./types.js').SecondStep} step
 * @param {typeof import('./session.js').enter} come  in
 * @param {(why?: string) => void} startOver  with the password
 * @param {Method} [chosen]
 */
export function showSecondStep(context, step, come, startOver, chosen) {
  const { root } = context;
  const mine = new AbortController();
  const signal = AbortSignal.any([context.signal, mine.signal]);
  const { challenge, options } = step;
  const here = step.methods.filter((method) => method !== 'passkey' || passkeys.usable(options?.rpId));
  const method = chosen ?? here[0] ?? 'passkey';
  document.title = 'Second step · Kinetoscope';

  /** Another way: the browser stops asking for the passkey. @param {() => void} next */
  const instead = (next) => {
    mine.abort();
    next();
  };

  /** @param {Record<string, unknown>} answer */
  const enter = async (answer) => {
    try {
      await come('second-factor', { challenge, ...answer });
    } catch (error) {
      // The challenge is used up, or its time is over.
      if (!(error instanceof Problem && error.status === 401 && error.code === 'credentials')) throw error;
      if (!signal.aborted) instead(() => startOver(sentence(error)));
    }
  };

  const asked = method === 'passkey' ? null : ASKED[method];
  const field = asked && new Field('second-factor', asked.label, asked.attributes, asked.hint);
  const form = new Form({
    id: 'second',
    fields: field ? [field] : [],
    submit: field ? 'Go on' : 'Use a passkey',
    busy: 'Signing in…',
    signal,
    says: passkeys.refusal,
    async work() {
      if (!field) {
        if (options) await enter({ passkey: await passkeys.show(options, signal) });
        return;
      }
      const code = field.value.replace(/\s/g, '');
      if (method === 'totp' && !/^\d{6}$/.test(code)) form.refuse('The code has six digits.', field);
      else await enter({ [field.name]: code });
    },
  });

  fill(
    root,
    cabinet(
      'One more step',
      'The password is right. Now your second factor.',
      here.length > 0
        ? form.element
        : h(
            'p',
            { class: 'trouble' },
            `Your passkey was made for ${options?.rpId ?? 'another address'}: sign in there.`,
          ),
      h(
        'div',
        { class: 'other-ways' },
        here
          .filter((other) => other !== method)
          .map((other) =>
            h(
              'button',
              {
                type: 'button',
                class: 'secondary',
                onclick: () => instead(() => showSecondStep(context, step, come, startOver, other)),
              },
              other === 'passkey' ? 'Use a passkey' : ASKED[other].other,
            ),
          ),
        h('button', { type: 'button', class: 'quiet', onclick: () => instead(startOver) }, 'Start over'),
      ),
    ),
  );
  (field?.input ?? form.submit).focus();
  say('The password is right. Now your second factor.');
}
