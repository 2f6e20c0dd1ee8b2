/** What this browser remembers for its player: volume and speed. Nothing else, and nothing about what was watched. */

const KEY = 'kinetoscope.player';

/** @typedef {{volume: number, muted: boolean, speed: number}} Preferences */

/** @type {Preferences} */
const DEFAULTS = { volume: 1, muted: false, speed: 1 };

/** @returns {Preferences} */
export function load() {
  try {
    const found = { ...DEFAULTS, ...JSON.parse(localStorage.getItem(KEY) ?? '{}') };
    return {
      volume: within(Number(found.volume), 0, 1, DEFAULTS.volume),
      muted: found.muted === true,
      speed: within(Number(found.speed), 0.25, 4, DEFAULTS.speed),
    };
  } catch {
    return { ...DEFAULTS };
  }
}

/** @param {Preferences} preferences */
export function save({ volume, muted, speed }) {
  try {
    localStorage.setItem(KEY, JSON.stringify({ volume, muted, speed }));
  } catch {
    // Storage is switched off: the next page starts with the defaults.
  }
}

/**
 * @param {number} value
 * @param {number} low
 * @param {number} high
 * @param {number} otherwise
 */
function within(value, low, high, otherwise) {
  return value >= low && value <= high ? value : otherwise;
}
