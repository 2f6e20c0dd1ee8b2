/** One's second factors: the authenticator app, passkeys, and the codes for when both are lost. */

import { alarm, say } from './announce.js';
import { addApp } from './authenticator.js';
import { keepCodes } from './codes.js';
import { fill, h } from './dom.js';
import { day } from './format.js';
import { Field, Form } from './forms.js';
import { send } from './http.js';
import * as me from './me.js';
import * as passkeys from './passkeys.js';
import { wasAborted } from './problems.js';
import { proven } from './proof.js';
import { device } from './session.js';

/** @typedef {import('./types.js').Factors} Factors */

/**
 * @param {AbortSignal} signal
 * @returns {HTMLElement}
 */
export function secondFactors(signal) {
  const heading = h('h2', { id: 'factors-heading', tabindex: '-1' }, 'Second factor');
  const trouble = h('p', { class: 'trouble', hidden: true });
  const place = h('div', { class: 'factors', 'aria-busy': 'true' });
  /** @type {?string} */
  let passkeysAt = null;

  const load = async () => {
    const [found, ways] = await Promise.all([me.factors(signal), send('GET', '/auth/ways', { signal })]);
    passkeysAt = ways.passkeys_at;
    fill(place, ...overview(found));
    place.setAttribute('aria-busy', 'false');
  };

  /** Back to the list, with what has happened. @param {string} [text] */
  const back = async (text) => {
    await load();
    heading.focus();
    if (text) say(text);
  };

  /** @param {() => Promise<unknown>} work */
  const act = async (work) => {
    trouble.hidden = true;
    try {
      await work();
    } catch (error) {
      if (signal.aborted || wasAborted(error)) return;
      fill(trouble, passkeys.refusal(error));
      trouble.hidden = false;
      alarm(passkeys.refusal(error));
    }
  };

  /** Codes come with the first factor only. @param {string[]} codes @param {string} text */
  const added = async (codes, text) => {
    if (codes.length === 0) return back(text);
    keepCodes(place, codes, text, () => act(back));
  };

  /** @param {string} name @param {() => Promise<unknown>} work @param {string} [spoken] */
  const button = (name, work, spoken) =>
    h('button', { type: 'button', class: 'secondary', 'aria-label': spoken, onclick: () => act(work) }, name);

  /** @param {() => Promise<unknown>} remove @param {string} text */
  const removal = (remove, text) => async () => {
    const done = await proven(async () => {
      await remove();
      return true;
    }, signal);
    if (done) await back(text);
  };

  const startApp = async () => {
    const begun = await proven(me.beginApp, signal);
    if (begun)
      addApp(
        place,
        begun,
        signal,
        (codes) => added(codes, 'The authenticator app is added.'),
        () => act(back),
      );
  };

  const renewCodes = async () => {
    const made = await proven(me.newRecoveryCodes, signal);
    if (made) await added(made.recovery_codes, 'The old codes are no good any more.');
  };

  const startPasskey = async () => {
    const name = new Field(
      'passkey-name',
      'Name',
      { name: 'name', value: device(), maxlength: '100', autocomplete: 'off' },
      'So that you recognise it in the list.',
    );
    const form = new Form({
      id: 'passkey-form',
      fields: [name],
      submit: 'Make the passkey',
      busy: 'Waiting for your passkey…',
      signal,
      says: passkeys.refusal,
      async work() {
        const begun = await proven(me.beginPasskey, signal);
        if (!begun) return;
        const { recovery_codes: codes } = await me.addPasskey(
          begun.challenge,
          await passkeys.make(begun.options, signal),
          name.value,
        );
        await added(codes, 'The passkey is added.');
      },
    });
    fill(
      place,
      h('h3', {}, 'Add a passkey'),
      form.element,
      h('button', { type: 'button', class: 'quiet', onclick: () => act(back) }, 'Cancel'),
    );
    name.input.select();
  };

  /** @param {Factors} found */
  const overview = (found) => {
    const any = found.totp || found.passkeys.length > 0;
    return [
      h(
        'p',
        {},
        any
          ? 'Signing in asks for one of these after the password.'
          : 'Your password alone signs you in. A second factor keeps others out even if they know it.',
      ),
      h(
        'ul',
        { class: 'rows' },
        h(
          'li',
          {},
          h(
            'div',
            {},
            h('p', { class: 'what' }, 'Authenticator app'),
            h('p', { class: 'fine' }, found.totp ? 'Added' : 'Six digits from an app on your phone'),
          ),
          found.totp
            ? button(
                'Remove',
                removal(me.removeApp, 'The authenticator app is removed.'),
                'Remove the authenticator app',
              )
            : button('Add', startApp, 'Add an authenticator app'),
        ),
        found.passkeys.map((key) =>
          h(
            'li',
            {},
            h(
              'div',
              {},
              h('p', { class: 'what', dir: 'auto' }, key.name),
              h(
                'p',
                { class: 'fine' },
                `Passkey, added ${day(key.created_at)}${key.last_used_at ? `, used ${day(key.last_used_at)}` : ''}`,
              ),
            ),
            button(
              'Remove',
              removal(() => me.removePasskey(key.id), 'The passkey is removed.'),
              `Remove the passkey ${key.name}`,
            ),
          ),
        ),
        h(
          'li',
          {},
          h(
            'div',
            {},
            h('p', { class: 'what' }, found.passkeys.length > 0 ? 'Another passkey' : 'Passkey'),
            h('p', { class: 'fine' }, passkeyLine(passkeysAt)),
          ),
          passkeys.usable(passkeysAt) && button('Add', startPasskey, 'Add a passkey'),
        ),
        any &&
          h(
            'li',
            {},
            h(
              'div',
              {},
              h('p', { class: 'what' }, 'Recovery codes'),
              h('p', { class: 'fine' }, `${found.recovery_codes_left} left, for when the others are lost`),
            ),
            button('Renew', renewCodes, 'Renew the recovery codes'),
          ),
      ),
    ];
  };

  void act(load);
  return h('section', { class: 'ledger', 'aria-labelledby': 'factors-heading' }, heading, trouble, place);
}

/** @param {?string} name  that passkeys are made for */
function passkeyLine(name) {
  if (!name) return 'Browsers make passkeys for names alone, and this box is reached by an address';
  if (name !== location.hostname) return `They are made at ${name}: open this page there`;
  return passkeys.usable(name) ? 'Your fingerprint, face or PIN, on this device or a key' : 'This browser has none';
}
