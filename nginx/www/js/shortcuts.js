/** The player's keys. They work while the focus is in the player or nowhere, so that they never take a letter from a text field. */

import { say } from './announce.js';
import { spoken } from './format.js';

/** For the help on the title page, in the order shown. */
export const KEYS = [
  ['Space or K', 'play or pause'],
  ['J, L', '10 seconds back, forward'],
  ['←, →', '5 seconds back, forward'],
  ['↑, ↓', 'louder, quieter'],
  ['M', 'mute'],
  ['C', 'subtitles'],
  ['F', 'full screen'],
  ['0 to 9', 'to 0 % … 90 %'],
  ['Home, End', 'to the beginning, the end'],
];

/**
 * @param {HTMLElement} frame
 * @param {HTMLVideoElement} media
 * @param {import('./controls.js').Controls} controls
 * @param {import('./choices.js').Choices} choices
 * @param {AbortSignal} signal
 */
export function listen(frame, media, controls, choices, signal) {
  document.addEventListener(
    'keydown',
    (event) => {
      if (event.defaultPrevented || event.ctrlKey || event.altKey || event.metaKey || event.isComposing) return;
      const target = event.target instanceof HTMLElement ? event.target : document.body;
      if (!(target === document.body || frame.contains(target)) || document.querySelector('dialog[open]')) return;
      if (target instanceof HTMLSelectElement) return;
      // Space presses the button that has the focus; the volume's own arrows change the volume.
      if (event.key === ' ' && target instanceof HTMLButtonElement) return;
      if (target === controls.volume && /^(Arrow|Home|End|Page)/.test(event.key)) return;
      if (act(event.key, media, controls, choices)) {
        event.preventDefault();
        controls.wake();
      }
    },
    { signal },
  );
}

/**
 * @param {string} key
 * @param {HTMLVideoElement} media
 * @param {import('./controls.js').Controls} controls
 * @param {import('./choices.js').Choices} choices
 * @returns {boolean} whether the key means something
 */
function act(key, media, controls, choices) {
  const jump = (/** @type {number} */ by) => {
    controls.seek.jump(by);
    say(spoken(controls.seek.next ?? media.currentTime));
  };
  switch (key.length === 1 ? key.toLowerCase() : key) {
    case ' ':
    case 'k':
      controls.toggle();
      return true;
    case 'j':
      jump(-10);
      return true;
    case 'l':
      jump(10);
      return true;
    case 'ArrowLeft':
      jump(-5);
      return true;
    case 'ArrowRight':
      jump(5);
      return true;
    case 'ArrowUp':
      controls.louder(0.05);
      return true;
    case 'ArrowDown':
      controls.louder(-0.05);
      return true;
    case 'm':
      media.muted = !media.muted;
      return true;
    case 'c':
      if (!choices.toggleText()) return false;
      controls.settings.refresh();
      return true;
    case 'f':
      controls.fullscreen();
      return true;
    case 'Home':
      controls.seek.go(0);
      return true;
    case 'End':
      controls.seek.go(controls.seek.length);
      return true;
    default:
      if (!/^[0-9]$/.test(key)) return false;
      controls.seek.go((controls.seek.length * Number(key)) / 10);
      return true;
  }
}
