/** What is said aloud: the page's two live regions. */

/**
 * Said when the reader is free.
 * @param {string} text
 */
export function say(text) {
  speak('polite', text);
}

/**
 * Said at once: something went wrong.
 * @param {string} text
 */
export function alarm(text) {
  speak('urgent', text);
}

/**
 * @param {string} region
 * @param {string} text
 */
function speak(region, text) {
  const element = document.getElementById(region);
  if (!element) return;
  // A region that holds the same text again says nothing: empty it first.
  element.textContent = '';
  setTimeout(() => {
    element.textContent = text;
  }, 60);
}
