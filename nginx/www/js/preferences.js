/** What this browser remembers for its player: how it sounds and looks. Nothing else, and nothing about what was watched. */

const KEY = 'kinetoscope.player';

/**
 * @typedef {'auto'|'original'|number} Quality  a number: lines of the picture
 *
 * @typedef {object} Preferences
 * @property {number} volume
 * @property {boolean} muted
 * @property {number} speed
 * @property {Quality} quality
 * @property {string} sound  language; empty: as the title has it
 * @property {?string} text  language of the subtitles; empty: none; null: never said
 */

/** @type {Preferences} */
const DEFAULTS = { volume: 1, muted: false, speed: 1, quality: 'auto', sound: '', text: null };

/** @returns {Preferences} */
export function load() {
  try {
    const found = { ...DEFAULTS, ...JSON.parse(localStorage.getItem(KEY) ?? '{}') };
    return {
      volume: within(Number(found.volume), 0, 1, DEFAULTS.volume),
      muted: found.muted === true,
      speed: within(Number(found.speed), 0.25, 4, DEFAULTS.speed),
      quality: found.quality === 'original' ? 'original' : within(Number(found.quality), 1, 10_000, 'auto'),
      sound: typeof found.sound === 'string' ? found.sound : DEFAULTS.sound,
      text: typeof found.text === 'string' ? found.text : DEFAULTS.text,
    };
  } catch {
    return { ...DEFAULTS };
  }
}

/** @param {Partial<Preferences>} some  the others stay */
export function save(some) {
  try {
    localStorage.setItem(KEY, JSON.stringify({ ...load(), ...some }));
  } catch {
    // Storage is switched off: the next page starts with the defaults.
  }
}

/**
 * @template T
 * @param {number} value
 * @param {number} low
 * @param {number} high
 * @param {T} otherwise
 * @returns {number|T}
 */
function within(value, low, high, otherwise) {
  return value >= low && value <= high ? value : otherwise;
}
