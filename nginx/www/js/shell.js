/** What is around every view of a signed-in viewer: skip link, name, sign out, the banner when the server is away. */

import { alarm } from './announce.js';
import * as connection from './connection.js';
import { fill, h } from './dom.js';
import { sentence } from './problems.js';

const OFFLINE = 'You are offline. What is on the screen stays; the rest comes back with the connection.';

export class Shell {
  /**
   * @param {object} what
   * @param {import('./types.js').User} what.user
   * @param {() => Promise<void>} what.onSignOut
   */
  constructor({ user, onSignOut }) {
    this.banner = h('div', { class: 'banner', hidden: true });
    this.main = h('main', { id: 'main', tabindex: '-1' });
    this.leaving = h('button', { type: 'button', class: 'quiet', onclick: () => this.signOut(onSignOut) }, 'Sign out');
    this.element = h(
      'div',
      { class: 'shell' },
      // Not a fragment link: the fragment is the route.
      h(
        'a',
        { class: 'skip', href: '#main', onclick: (/** @type {Event} */ event) => this.skip(event) },
        'Skip to content',
      ),
      h(
        'header',
        { class: 'masthead' },
        h(
          'a',
          { class: 'wordmark', href: '#/', 'aria-label': 'Kinetoscope, to the library' },
          h('img', { src: '/logo.svg', alt: '', width: '34', height: '34' }),
          h('span', {}, 'Kinetoscope'),
        ),
        h(
          'p',
          { class: 'who' },
          h('span', { class: 'visually-hidden' }, 'Signed in as '),
          h('span', { class: 'name' }, user.role === 'guest' ? 'Guest' : user.username),
        ),
        user.role !== 'guest' && h('a', { class: 'quiet', href: '#/upload' }, 'Upload'),
        user.role !== 'guest' && h('a', { class: 'quiet', href: '#/jobs' }, 'Jobs'),
        user.role !== 'guest' && h('a', { class: 'quiet', href: '#/account' }, 'Account'),
        this.leaving,
      ),
      this.banner,
      this.main,
    );
    connection.events.addEventListener('change', () => this.tell());
    this.tell();
  }

  /** @returns {HTMLElement} */
  emptyMain() {
    fill(this.main);
    return this.main;
  }

  /** @param {Event} event */
  skip(event) {
    event.preventDefault();
    this.main.focus();
  }

  tell() {
    const away = connection.offline();
    this.banner.hidden = !away;
    fill(this.banner, away && OFFLINE);
    if (away && this.element.isConnected) alarm(OFFLINE);
  }

  /** @param {() => Promise<void>} onSignOut */
  async signOut(onSignOut) {
    this.leaving.disabled = true;
    try {
      await onSignOut();
    } catch (error) {
      const text = `You are still signed in: ${sentence(error)}`;
      this.banner.hidden = false;
      fill(this.banner, text);
      alarm(text);
    } finally {
      this.leaving.disabled = false;
    }
  }
}
