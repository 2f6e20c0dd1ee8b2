/** One title: its picture with the play button, what is known about it, its link for other players. */

import { known } from './abilities.js';
import { alarm } from './announce.js';
import { Aperture } from './aperture.js';
import { video as fetchVideo } from './api.js';
import { capability } from './capability.js';
import * as connection from './connection.js';
import { fill, h } from './dom.js';
import { elsewhere } from './external.js';
import { facts } from './facts.js';
import { clock, codec, placeInShow, resolution } from './format.js';
import { icon } from './icons.js';
import { Kept } from './kept.js';
import { Making } from './making.js';
import { Problem, sentence, wasAborted } from './problems.js';
import * as session from './session.js';
import { KEYS } from './shortcuts.js';

/** @typedef {import('./types.js').Video} Video */
/** @typedef {import('./types.js').ViewContext} ViewContext */
/** @typedef {import('./capability.js').Capability} Capability */

/** @param {ViewContext} context */
export async function showTitle(context) {
  const { root, route, signal } = context;
  document.title = 'Title · Kinetoscope';
  const place = h('div', { class: 'title-page', 'aria-busy': 'true' });
  root.append(
    h(
      'nav',
      { class: 'way-back', 'aria-label': 'Way back' },
      h('a', { href: '#/', onclick: goBack }, icon('back'), 'Library'),
    ),
    place,
  );
  try {
    // Asked while nobody waits for it.
    void known();
    const video = await fetchVideo(String(route.id), signal);
    const answer = await capability(video);
    signal.throwIfAborted();
    document.title = `${video.title} · Kinetoscope`;
    show(place, video, answer, context);
  } catch (error) {
    if (signal.aborted || wasAborted(error)) return;
    const text = sentence(error);
    const again = () => {
      fill(root);
      void showTitle(context);
    };
    fill(
      place,
      h(
        'section',
        { class: 'panel' },
        h('h1', { tabindex: '-1' }, 'Not shown'),
        h('p', { class: 'trouble' }, text),
        h('button', { type: 'button', class: 'secondary', onclick: again }, 'Try again'),
      ),
    );
    alarm(text);
    if (error instanceof Problem && error.status === 0)
      void connection
        .back(signal)
        .then(again)
        .catch(() => undefined);
  } finally {
    place.removeAttribute('aria-busy');
  }
}

/**
 * @param {HTMLElement} place
 * @param {Video} video
 * @param {Capability} answer  of this browser
 * @param {ViewContext} context
 */
function show(place, video, answer, context) {
  const heading = h('h1', { tabindex: '-1', dir: 'auto' }, video.title);
  const line = [
    placeInShow(video),
    video.year,
    resolution(video.width, video.height),
    video.duration_seconds ? clock(video.duration_seconds) : null,
    codec(video.video_codec),
  ];
  const isAdmin = session.user()?.role === 'admin' && video.status === 'ready';
  const kept = isAdmin ? new Kept(video, context.signal, () => changed()) : null;
  const making = new Making(video, context.signal, () => changed());
  const aperture = new Aperture(video, answer, making, context);
  const changed = () => {
    aperture.show();
    making.show();
    kept?.show();
  };
  fill(
    place,
    aperture.element,
    making.element,
    h(
      'div',
      { class: 'about' },
      h(
        'div',
        { class: 'words' },
        heading,
        h('p', { class: 'line' }, line.filter(Boolean).join(' · ')),
        // Of one that plays all the same, but not whole.
        video.status === 'ready' && video.status_reason
          ? h('p', { class: 'notice-line', dir: 'auto' }, video.status_reason)
          : null,
        video.description ? h('p', { class: 'description', dir: 'auto' }, video.description) : null,
        video.tags?.length
          ? h('ul', { class: 'tags', 'aria-label': 'Tags' }, ...video.tags.map((tag) => h('li', { dir: 'auto' }, tag)))
          : null,
        video.status === 'ready' ? elsewhere(video, context.signal) : null,
        kept?.element,
        video.status === 'ready' ? keys() : null,
      ),
      h(
        'section',
        { 'aria-labelledby': 'facts-heading', class: 'ledger' },
        h('h2', { id: 'facts-heading' }, 'The file'),
        facts(video),
      ),
    ),
  );
  heading.focus({ preventScroll: true });
  scrollTo({ top: 0, behavior: 'instant' });
}

function keys() {
  return h(
    'details',
    { class: 'keys' },
    h('summary', {}, 'Keys of the player'),
    h('dl', {}, ...KEYS.map(([key, meaning]) => h('div', {}, h('dt', {}, h('kbd', {}, key)), h('dd', {}, meaning)))),
  );
}

/**
 * Back to the library as it was left, when that is where the viewer came from.
 * @param {Event} event
 */
function goBack(event) {
  const click = /** @type {MouseEvent} */ (event);
  if (click.ctrlKey || click.metaKey || click.shiftKey || !cameFromLibrary()) return;
  event.preventDefault();
  history.back();
}

/** Only the Navigation API tells what the entry before this one is; elsewhere the plain link serves. */
function cameFromLibrary() {
  const { navigation } = /** @type {any} */ (window);
  const entries = navigation?.entries?.() ?? [];
  const before = entries[(navigation?.currentEntry?.index ?? 0) - 1];
  return typeof before?.url === 'string' && /#\/(\?.*)?$|\/$/.test(before.url);
}
