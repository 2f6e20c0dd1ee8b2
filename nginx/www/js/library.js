/** The library: search as you type, sort, and more by cursor. */

import { alarm, say } from './announce.js';
import { listVideos } from './api.js';
import { card } from './card.js';
import * as connection from './connection.js';
import { fill, h } from './dom.js';
import { icon } from './icons.js';
import { Problem, sentence, wasAborted } from './problems.js';
import { libraryAddress } from './router.js';

/** @typedef {import('./types.js').Video} Video */
/** @typedef {import('./types.js').ViewContext} ViewContext */

const PAUSE_MS = 250;
const FRESH_MS = 60_000;
const SORTS = new Map([
  ['added', 'Newest first'],
  ['title', 'By title'],
  ['duration', 'By length'],
  ['popular', 'Most watched'],
]);
const DEFAULT_SORT = 'added';

/**
 * What was shown last, so that coming back from a title finds the same place.
 * @type {?{key: string, at: number, items: Video[], cursor: ?string, scroll: number, opened: ?string}}
 */
let last = null;

export function forgetLibrary() {
  last = null;
}

/** @param {ViewContext} context */
export function showLibrary({ root, route, signal }) {
  document.title = 'Library · Kinetoscope';
  const wanted = {
    q: route.query.get('q') ?? '',
    sort: SORTS.has(route.query.get('sort') ?? '') ? String(route.query.get('sort')) : DEFAULT_SORT,
  };
  /** @type {Video[]} */
  let items = [];
  /** @type {?string} */
  let cursor = null;
  /** @type {?AbortController} */
  let asking = null;

  const heading = h('h1', { tabindex: '-1' }, 'Library');
  const search = h('input', {
    id: 'search',
    type: 'search',
    value: wanted.q,
    placeholder: 'Search',
    autocomplete: 'off',
    spellcheck: 'false',
    enterkeyhint: 'search',
  });
  const sort = h(
    'select',
    { id: 'sort' },
    ...[...SORTS].map(([value, name]) => h('option', { value, selected: value === wanted.sort }, name)),
  );
  const note = h('div', { class: 'note' });
  const list = h('ul', { class: 'strip', 'aria-busy': 'true' });
  const more = h('button', { type: 'button', class: 'secondary more', hidden: true }, 'Show more');
  root.append(
    h(
      'div',
      { class: 'toolbar' },
      heading,
      h(
        'form',
        { class: 'finding', role: 'search', action: '#' },
        h('label', { for: 'search', class: 'visually-hidden' }, 'Search the library'),
        h('span', { class: 'search-box' }, icon('search'), search),
        h('label', { for: 'sort', class: 'visually-hidden' }, 'Order'),
        sort,
      ),
    ),
    note,
    list,
    more,
  );

  const key = () => JSON.stringify(wanted);

  /** @param {?string} hash */
  const linkTo = (hash) => [...list.querySelectorAll('a')].find((link) => link.hash === hash);

  /**
   * Others in the place of the cards shown. The focus stays on a title's link; it goes to the heading when the title is gone.
   * @param {HTMLElement[]} cards
   */
  const replaceCards = (cards) => {
    const focused = document.activeElement;
    const hash = focused instanceof HTMLAnchorElement && list.contains(focused) ? focused.hash : null;
    list.replaceChildren(...cards);
    if (hash !== null) (linkTo(hash) ?? heading).focus({ preventScroll: true });
  };

  /** @param {boolean} further  the next page instead of the first */
  const load = async (further) => {
    asking?.abort();
    const mine = new AbortController();
    asking = mine;
    list.setAttribute('aria-busy', 'true');
    list.classList.toggle('stale', !further);
    more.disabled = true;
    try {
      const page = await listVideos(
        { ...wanted, cursor: further ? cursor : null },
        AbortSignal.any([signal, mine.signal]),
      );
      const cards = page.items.map(card);
      if (further) list.append(...cards);
      else replaceCards(cards);
      items = further ? [...items, ...page.items] : page.items;
      cursor = page.next_cursor ?? null;
      last = { key: key(), at: Date.now(), items, cursor, scroll: 0, opened: null };
      fill(note, items.length === 0 && empty(wanted.q));
      say(count(items.length, cursor !== null));
      if (further) cards[0]?.querySelector('a')?.focus();
    } catch (error) {
      if (signal.aborted || mine.signal.aborted || wasAborted(error)) return;
      fail(error, further);
    } finally {
      if (asking === mine) settle();
    }
  };

  const settle = () => {
    asking = null;
    list.setAttribute('aria-busy', 'false');
    list.classList.remove('stale');
    more.disabled = false;
    more.hidden = cursor === null;
  };

  /** @param {unknown} error @param {boolean} further */
  const fail = (error, further) => {
    const text = sentence(error);
    fill(
      note,
      h('p', { class: 'trouble' }, text),
      h('button', { type: 'button', class: 'secondary', onclick: () => load(further) }, 'Try again'),
    );
    alarm(text);
    if (error instanceof Problem && error.status === 0) {
      void connection
        .back(signal)
        .then(() => load(further))
        .catch(() => undefined);
    }
  };

  const changed = () => {
    history.replaceState(null, '', libraryAddress(wanted, DEFAULT_SORT));
    void load(false);
  };

  let pause = 0;
  search.addEventListener(
    'input',
    () => {
      clearTimeout(pause);
      list.setAttribute('aria-busy', 'true');
      pause = setTimeout(() => {
        if (signal.aborted) return;
        const q = search.value.trim();
        if (q !== wanted.q) {
          wanted.q = q;
          changed();
        } else if (!asking) settle();
      }, PAUSE_MS);
    },
    { signal },
  );
  search.form?.addEventListener('submit', (event) => event.preventDefault(), { signal });
  sort.addEventListener(
    'change',
    () => {
      wanted.sort = sort.value;
      changed();
    },
    { signal },
  );
  more.addEventListener('click', () => load(true), { signal });
  list.addEventListener(
    'click',
    (event) => {
      const link = event.target instanceof Element ? event.target.closest('a') : null;
      if (link && last) Object.assign(last, { scroll: scrollY, opened: link.hash });
    },
    { signal },
  );

  if (last && last.key === key() && Date.now() - last.at < FRESH_MS) {
    ({ items, cursor } = last);
    list.replaceChildren(...items.map(card));
    fill(note, items.length === 0 && empty(wanted.q));
    settle();
    (linkTo(last.opened) ?? heading).focus({ preventScroll: true });
    scrollTo({ top: last.scroll, behavior: 'instant' });
    return;
  }
  heading.focus({ preventScroll: true });
  void load(false);
}

/** @param {string} q */
function empty(q) {
  return q
    ? h('p', {}, 'No title matches “', h('bdi', {}, q), '”.')
    : h('p', {}, 'The library is empty. Drop a video into its folder; within five minutes it will be here.');
}

/** @param {number} number @param {boolean} more */
function count(number, more) {
  if (number === 0) return 'No titles.';
  return `${number} ${number === 1 ? 'title' : 'titles'} shown${more ? ', more to come' : ''}.`;
}
