/** The start: who is here, and which view the address names. */

import { showAccount } from './account.js';
import { h } from './dom.js';
import { showHealth } from './health.js';
import { showJobs } from './jobs.js';
import { forgetLibrary, showLibrary } from './library.js';
import { showRegister } from './register.js';
import { showReset } from './reset.js';
import { parse, Stage } from './router.js';
import * as session from './session.js';
import { Shell } from './shell.js';
import { showSignIn } from './signin.js';
import { showTitle } from './title.js';
import { showUpload } from './upload.js';

const app = /** @type {HTMLElement} */ (document.getElementById('app'));

/** @type {?Shell} */
let shell = null;

const stage = new Stage();

/** @typedef {(context: import('./types.js').ViewContext) => void|Promise<void>} View */

/** Before somebody is signed in. @type {Map<string, View>} */
const DOORS = new Map([
  ['register', showRegister],
  ['invitation', showRegister],
  ['reset', showReset],
]);

/** Afterwards. @type {Map<string, View>} */
const ROOMS = new Map([
  ['library', showLibrary],
  ['title', showTitle],
  ['account', showAccount],
  ['upload', showUpload],
  ['jobs', showJobs],
  ['health', showHealth],
]);
const MEMBERS = new Set(['account', 'jobs', 'upload']);
const ADMINS = new Set(['health']);

function atDoor() {
  shell = null;
  const root = h('main', { id: 'main', class: 'door', tabindex: '-1' });
  app.replaceChildren(root);
  return root;
}

function inside() {
  if (!shell) {
    shell = new Shell({ user: /** @type {import('./types.js').User} */ (session.user()), onSignOut: signOut });
    app.replaceChildren(shell.element);
  }
  return shell.emptyMain();
}

/**
 * Shows what the address names, or the sign-in view, which leaves the address for afterwards.
 * @param {string} [note]  why one has to sign in
 */
function show(note) {
  let route = parse(location.hash);
  const door = DOORS.get(route.name);
  if (door && (route.token || !session.user())) {
    // The token is the view's alone: not for whoever looks at the address, its history, or what it is copied to.
    if (route.token) history.replaceState(null, '', `#/${route.name}`);
    stage.show(door, route, atDoor);
    return;
  }
  if (!session.user()) {
    stage.show((context) => showSignIn(context, note), route, atDoor);
    return;
  }
  if (door) {
    history.replaceState(null, '', '#/');
    route = parse('');
  }
  // A guest has no account to look at, uploads nothing and lets nothing be made.
  const role = session.user()?.role;
  const shut = (role === 'guest' && MEMBERS.has(route.name)) || (role !== 'admin' && ADMINS.has(route.name));
  const room = shut ? undefined : ROOMS.get(route.name);
  stage.show(room ?? showNowhere, route, inside);
}

/** @param {import('./types.js').ViewContext} context */
function showNowhere({ root }) {
  document.title = 'Nothing here · Kinetoscope';
  const heading = h('h1', { tabindex: '-1' }, 'Nothing here');
  root.append(
    h(
      'section',
      { class: 'panel' },
      heading,
      h('p', {}, 'This address leads nowhere. ', h('a', { href: '#/' }, 'Back to the library')),
    ),
  );
  heading.focus();
}

/** A running playback is ended first: its last position belongs to this session. */
async function signOut() {
  await stage.leave();
  try {
    await session.signOut();
  } catch (error) {
    show();
    throw error;
  }
}

session.events.addEventListener('change', async (event) => {
  const why = /** @type {CustomEvent<string>} */ (event).detail;
  forgetLibrary();
  if (why && !session.user()) {
    const { signal } = stage.controller;
    await stage.remain();
    // Left meanwhile: what came then has been shown.
    if (signal.aborted) return;
  }
  show(why);
});
addEventListener('hashchange', () => show());
// A page that comes back from the browser's memory holds a playback that was ended when it went.
addEventListener('pageshow', (event) => {
  if (event.persisted) show();
});
show();
