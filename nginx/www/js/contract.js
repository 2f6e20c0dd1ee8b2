/** Rendered by docs/render_contract.py from catalog/contract; change it there. */

/**
 * @typedef {'admin'|'user'|'guest'} Role
 * @typedef {'ready'|'waiting'|'broken'} TitleStatus
 * @typedef {'public'|'members'|'named'} Visibility
 * @typedef {'open'|'checking'|'done'|'refused'} UploadState
 * @typedef {'pending'|'streaming'|'idle'|'paused'} LeaseState
 * @typedef {'auto'|'480p'|'720p'|'1080p'} Quality
 * @typedef {'video'|'audio'|'subtitle'} TrackKind
 * @typedef {'pictures'|'text'|'rendition'|'upload'|'instant'|'extra'} JobKind
 * @typedef {'queued'|'running'|'done'|'failed'|'cancelled'} JobState
 * @typedef {'broken'|'incomplete'|'not_everywhere'|'interlaced'|'edit_list'|'sparse_key_frames'|'peaks'|'moov_at_end'|'open_gop'|'no_text_subtitles'} HealthFinding
 * @typedef {'browsers'|'vlc'|'mpv'|'kodi'|'television'} HealthPlace
 * @typedef {'ended'|'stopped'|'replaced'|'session'|'withdrawn'|'removed'|'lapsed'|'disclosed'} PlaybackEnd
 */

/** An id, as a pattern for the whole of it. */
export const ID = '[0-9a-f]{32}';

/** Why a playback ended: the code of the 410. */
export const PLAYBACK_ENDS = /** @type {const} */ ([
  'ended', // Its viewer has ended it.
  'stopped', // An admin has stopped it.
  'replaced', // Another playback of the same viewer has taken its lease.
  'session', // Its session has ended.
  'withdrawn', // The title is not for this viewer any more.
  'removed', // The title has left the library.
  'lapsed', // Nothing was heard of it for a long time.
  'disclosed', // Its link came without encryption.
]);
