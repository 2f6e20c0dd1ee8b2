/**
 * Addresses: `#/`, `#/?q=…&sort=…`, `#/title/<id>`, `#/upload`, `#/jobs`, `#/health`, `#/account`, `#/register`, and the
 * links that people are sent, `#/invitation/<token>` and `#/reset/<token>`. One view at a time, left before the next is shown.
 */

import { ID } from './contract.js';

/** @typedef {import('./types.js').Route} Route */
/** @typedef {import('./types.js').ViewContext} ViewContext */

const TITLE = new RegExp(`^/title/(${ID})$`);

/**
 * @param {string} hash
 * @returns {Route}
 */
export function parse(hash) {
  const [path = '', search = ''] = hash.replace(/^#/, '').split('?', 2);
  const query = new URLSearchParams(search);
  if (path === '' || path === '/') return { name: 'library', query };
  if (['/account', '/health', '/jobs', '/upload'].includes(path)) {
    return { name: /** @type {Route['name']} */ (path.slice(1)), query };
  }
  const sent = /^\/(invitation|reset|register)(?:\/([\w-]{1,256}))?$/.exec(path);
  if (sent) return { name: /** @type {Route['name']} */ (sent[1]), token: sent[2], query };
  const title = TITLE.exec(path);
  return title ? { name: 'title', id: title[1], query } : { name: 'nowhere', query };
}

/** @param {string} id */
export function titleAddress(id) {
  return `#/title/${id}`;
}

/**
 * @param {{q: string, sort: string}} wanted
 * @param {string} defaultSort
 */
export function libraryAddress({ q, sort }, defaultSort) {
  const query = new URLSearchParams();
  if (q) query.set('q', q);
  if (sort !== defaultSort) query.set('sort', sort);
  const text = query.toString();
  return text ? `#/?${text}` : '#/';
}

/**
 * The stage: shows one view and leaves it properly.
 */
export class Stage {
  constructor() {
    this.controller = new AbortController();
    /** @type {(() => Promise<void>)[]} */
    this.farewells = [];
    /** @type {(() => Promise<void>)[]} */
    this.remainders = [];
  }

  /** What the current view may still do although its session is over. */
  async remain() {
    await Promise.allSettled(this.remainders.map((work) => work()));
  }

  /** What the current view still has to do (save a position, end a playback), then its end. */
  async leave() {
    const farewells = this.farewells;
    this.farewells = [];
    this.controller.abort();
    await Promise.allSettled(farewells.map((work) => work()));
  }

  /**
   * @param {(context: ViewContext) => void|Promise<void>} view
   * @param {Route} route
   * @param {() => HTMLElement} emptyRoot  gives the element that the view may fill
   */
  show(view, route, emptyRoot) {
    // Not awaited: what the old view still tells the server must not delay the new one.
    void this.leave();
    this.remainders = [];
    this.controller = new AbortController();
    void view({
      root: emptyRoot(),
      route,
      signal: this.controller.signal,
      onLeave: (work) => {
        this.farewells.push(work);
      },
      onSessionOver: (work) => {
        this.remainders.push(work);
      },
    });
  }
}
