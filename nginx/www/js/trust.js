/** How to make players and browsers trust a box that signs its own certificate. Nothing where everybody knows it anyway. */

import { h } from './dom.js';

const AUTHORITY = '/ca.pem';

/** Who is told, and how. @type {[string, ...(string | HTMLElement)[]][]} */
const WAYS = [
  [
    'VLC',
    'Asks when it first opens a link: accept the certificate for good. Without a window: ',
    code('vlc --gnutls-dir-trust=FOLDER'),
    ', where the folder holds the file.',
  ],
  [
    'mpv',
    'Plays without it, and checks nobody. To have it check, put two lines into its mpv.conf: ',
    code('tls-verify=yes'),
    ' and ',
    code('tls-ca-file=/path/to/ca.pem'),
    '.',
  ],
  [
    'Kodi',
    'On Linux it trusts what the system trusts. Elsewhere, add the text of the file to the end of ',
    code('system/certs/cacert.pem'),
    ' in the folder of the program, and start it again.',
  ],
  ['Firefox', 'Settings, Privacy & Security, View Certificates, Authorities, Import.'],
  ['Chrome', 'Settings, Privacy and security, Security, Manage certificates, Import.'],
  [
    'Linux',
    'For all programs of a Debian or Ubuntu: ',
    code('sudo cp ca.pem /usr/local/share/ca-certificates/kinetoscope.crt && sudo update-ca-certificates'),
  ],
  ['Windows, macOS', 'Open the file and add it to the trusted root authorities, or to the keychain as always trusted.'],
  ['Phones', 'Open the file, then allow it in the settings under certificates.'],
];

/**
 * @param {AbortSignal} signal
 * @returns {HTMLElement} hidden unless the box gives out a certificate
 */
export function trust(signal) {
  const section = h(
    'section',
    { class: 'ledger', 'aria-labelledby': 'trust-heading', hidden: true },
    h('h2', { id: 'trust-heading' }, 'Trusting this box'),
    h(
      'p',
      {},
      'This box signs its own certificate. Players and browsers refuse it, or warn of it, until they are told to trust it. Take the file at home, not over a network of strangers: whoever signs with it is trusted.',
    ),
    h('a', { class: 'button secondary', href: AUTHORITY, download: 'ca.pem' }, 'Download the certificate'),
    h('dl', { class: 'facts ways' }, ...WAYS.map(([who, ...how]) => h('div', {}, h('dt', {}, who), h('dd', {}, how)))),
  );
  fetch(AUTHORITY, { method: 'HEAD', signal })
    .then((answer) => {
      section.hidden = answer.status !== 200;
    })
    .catch(() => undefined);
  return section;
}

/** @param {string} text */
function code(text) {
  return h('code', {}, text);
}
