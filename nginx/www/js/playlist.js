/** A playlist file for VLC, mpv and Kodi, made here: the link in it is as secret as the session. */

/**
 * @param {{title: string, duration_seconds: ?number}} video
 * @param {string} link  absolute
 * @returns {string}
 */
export function m3u(video, link) {
  const seconds = video.duration_seconds ? Math.round(video.duration_seconds) : -1;
  return `#EXTM3U\n#EXTINF:${seconds},${oneLine(video.title)}\n${link}\n`;
}

/**
 * A name that every file system takes.
 * @param {string} title
 * @returns {string}
 */
export function playlistName(title) {
  // Bounded in bytes (most file systems: 255), not cutting a character in half.
  let stem = oneLine(title)
    .replace(/[<>:"/\\|?*]/g, '_')
    .replace(/^[.\s]+|[.\s]+$/g, '');
  while (new TextEncoder().encode(stem).length > 200) stem = [...stem].slice(0, -1).join('');
  return `${stem || 'video'}.m3u`;
}

/**
 * A line break in a title would start a line of the playlist: another link, chosen by whoever named the file.
 * @param {string} text
 */
function oneLine(text) {
  return text.replace(/[\p{Cc}\p{Zl}\p{Zp}]+/gu, ' ').trim();
}
