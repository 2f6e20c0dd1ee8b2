/** For admins: which files of the library stream badly, where they play as they are, and what helps by one press. */

import { alarm, say } from './announce.js';
import { healthFindings, healthRemedy, healthTitles } from './api.js';
import { fill, h } from './dom.js';
import * as events from './events.js';
import { FindingCard, TitleCard } from './healthrows.js';
import { begun, FINDINGS } from './healthwords.js';
import { polling, soon } from './polling.js';
import { sentence, wasAborted } from './problems.js';

/** @typedef {import('./types.js').HealthTitle} HealthTitle */

const PAGE = 25;
/** What one question may ask for. */
const MOST = 100;

/** @param {import('./types.js').ViewContext} context */
export function showHealth({ root, route, signal }) {
  document.title = 'Streaming health · Kinetoscope';
  const asked = route.query.get('finding') ?? '';
  const wanted = asked in FINDINGS ? /** @type {keyof typeof FINDINGS} */ (asked) : null;
  /** By the finding, and by the id of the title, in the order shown. @type {Map<string, FindingCard>} */
  const found = new Map();
  /** @type {Map<string, TitleCard>} */
  let cards = new Map();
  /** @type {?string} */
  let cursor = null;
  let turn = 0;

  const heading = h('h1', { tabindex: '-1' }, 'Streaming health');
  const trouble = h('p', { class: 'trouble', hidden: true });
  const well = h('p', { hidden: true }, 'Nothing was found: every file streams well.');
  const findings = h('ul', { class: 'found', 'aria-label': 'What was found', 'aria-busy': 'true' });
  const titles = h('ul', { class: 'ills', 'aria-labelledby': 'health-titles' });
  const none = h('p', { hidden: true }, 'No title has this finding.');
  const more = h('button', { type: 'button', class: 'secondary more', hidden: true }, 'Show more');
  root.append(
    h(
      'div',
      { class: 'health-page' },
      heading,
      h(
        'p',
        { class: 'lead' },
        'What the files of the library are like to send, and what helps where they are not good.',
      ),
      trouble,
      well,
      findings,
      h(
        'div',
        { class: 'health-head' },
        h('h2', { id: 'health-titles', tabindex: '-1' }, wanted ? FINDINGS[wanted] : 'Titles'),
        wanted && h('a', { class: 'quiet', href: '#/health' }, 'Show all'),
      ),
      none,
      titles,
      more,
    ),
  );

  /** @param {unknown} error */
  const fail = (error) => {
    if (signal.aborted || wasAborted(error)) return;
    fill(trouble, sentence(error));
    trouble.hidden = false;
    alarm(sentence(error));
  };

  /** @param {HealthTitle} title */
  const cardOf = (title) => {
    const card = cards.get(title.video.id) ?? new TitleCard(title, press);
    card.write(title);
    return card;
  };

  const draw = () => {
    // What is in its place stays there, and keeps the focus.
    for (const [at, { element }] of [...cards.values()].entries()) {
      if (titles.children[at] !== element) titles.insertBefore(element, titles.children[at] ?? null);
    }
    while (titles.children.length > cards.size) titles.lastElementChild?.remove();
    none.hidden = cards.size > 0 || !wanted;
    more.hidden = cursor === null;
  };

  /** @param {import('./types.js').HealthCount[]} counts */
  const drawCounts = (counts) => {
    for (const count of counts) {
      const card = found.get(count.finding) ?? new FindingCard(count, press);
      card.write(count, count.finding === wanted);
      if (!found.has(count.finding)) findings.append(card.element);
      found.set(count.finding, card);
    }
    findings.setAttribute('aria-busy', 'false');
    well.hidden = counts.some((count) => count.titles > 0);
  };

  /** What is shown, as it is now. @returns {Promise<boolean>} whether some of it goes on by itself */
  const refresh = async () => {
    const mine = ++turn;
    const limit = Math.min(MOST, Math.max(PAGE, Math.ceil(cards.size / PAGE) * PAGE));
    const [counts, page] = await Promise.all([
      healthFindings(signal),
      healthTitles({ finding: wanted, limit }, signal),
    ]);
    if (mine !== turn || signal.aborted) return false;
    // What lies beyond one question's reach stays as it was.
    const beyond = cards.size > MOST ? [...cards].slice(MOST) : [];
    cards = new Map([...page.items.map((one) => /** @type {const} */ ([one.video.id, cardOf(one)])), ...beyond]);
    if (beyond.length === 0) cursor = page.next_cursor ?? null;
    trouble.hidden = true;
    drawCounts(counts.items);
    draw();
    return counts.items.some((count) => count.under_way > 0);
  };
  const follow = polling(refresh, signal);
  const refreshSoon = soon(() => void refresh().catch(() => undefined), signal);
  events.hear(
    'job',
    (/** @type {import('./types.js').Job} */ job) => {
      if (job.kind === 'rendition' && job.state !== 'running') refreshSoon();
    },
    signal,
  );

  const load = () =>
    refresh().then((some) => {
      if (some) follow();
    }, fail);

  /**
   * @param {string} finding
   * @param {?string[]} videos  all that have the finding, if there is none
   * @param {HTMLButtonElement} button
   */
  const press = async (finding, videos, button) => {
    button.disabled = true;
    try {
      say(begun(await healthRemedy(finding, videos)));
      button.disabled = false;
      await load();
      // A button that is disabled, or gone, has lost the focus: reading goes on where it was.
      const place = videos ? cards.get(videos[0] ?? '')?.heading : found.get(finding)?.element;
      if (document.activeElement === document.body || button.hidden) (place ?? heading).focus();
    } catch (error) {
      fail(error);
    } finally {
      button.disabled = false;
    }
  };

  more.addEventListener('click', async () => {
    more.disabled = true;
    try {
      const page = await healthTitles({ finding: wanted, cursor, limit: PAGE }, signal);
      turn += 1;
      for (const one of page.items) cards.set(one.video.id, cardOf(one));
      cursor = page.next_cursor ?? null;
      draw();
      cards.get(page.items[0]?.video.id ?? '')?.heading.focus();
    } catch (error) {
      fail(error);
    } finally {
      more.disabled = false;
    }
  });

  heading.focus({ preventScroll: true });
  scrollTo({ top: 0, behavior: 'instant' });
  void load();
}
