/**
 * What the API says (the wire contract), for the editor and the type checker. Nothing loads this file.
 *
 * @typedef {object} PublishedFile
 * @property {string} name  e.g. `source.mp4`
 * @property {string} href  absolute path of the header door
 * @property {string} type  media type
 * @property {number} size_bytes
 *
 * @typedef {object} Track
 * @property {number} position  the stream's index within the container
 * @property {'video'|'audio'|'subtitle'} kind
 * @property {string} codec
 * @property {?string} [language]
 * @property {?string} [profile]  as ffprobe names it
 * @property {?string} [title]
 * @property {?number} [channels]
 * @property {boolean} [is_default]
 *
 * @typedef {object} Subtitle  a published one
 * @property {string} name
 * @property {string} href
 * @property {string} language
 * @property {?string} title
 * @property {boolean} is_default
 * @property {boolean} is_forced
 * @property {boolean} is_hearing_impaired
 * @property {boolean} is_text  WebVTT; else pictures (PGS)
 *
 * @typedef {object} Chapter
 * @property {?string} [title]
 * @property {number} start_seconds
 * @property {number} end_seconds
 *
 * @typedef {object} Job
 * @property {string} id
 * @property {import('./contract.js').JobKind} kind
 * @property {import('./contract.js').JobState} state
 * @property {?string} stage
 * @property {?number} progress  0 to 1
 * @property {?number} speed  times as fast as the film plays
 * @property {?number} seconds_left
 * @property {number} attempts
 * @property {?string} reason
 * @property {?{id: string, title: string}} video
 * @property {?{id: string, name: string}} [upload]  the file that it is about
 * @property {?{id: string, username: string}} [requested_by]
 * @property {string} created_at  RFC 3339
 * @property {?string} started_at
 * @property {?string} ended_at
 *
 * @typedef {object} UploadTold  as an event tells it
 * @property {string} id
 * @property {Upload['state']|'gone'} state
 * @property {?string} reason
 * @property {?string} video_id
 * @property {number} appended  parts
 *
 * @typedef {object} JobPage
 * @property {Job[]} items
 * @property {?string} next_cursor
 *
 * @typedef {object} HealthCount
 * @property {import('./contract.js').HealthFinding} finding
 * @property {string} meaning
 * @property {string} remedy
 * @property {number} titles
 * @property {number} under_way
 * @property {number} startable  that one press takes up
 *
 * @typedef {object} HealthTitle
 * @property {{id: string, title: string}} video
 * @property {string} filename
 * @property {{place: import('./contract.js').HealthPlace, plays: boolean, obstacles: string[]}[]} plays
 * @property {{finding: import('./contract.js').HealthFinding, sentence: string, remedy: string}[]} findings
 * @property {boolean} has_versions
 * @property {?import('./contract.js').JobState} making  the last job that makes versions
 * @property {boolean} is_due  for another look by the next scan
 *
 * @typedef {object} HealthStarted
 * @property {string} remedy
 * @property {number} started
 * @property {number} under_way
 * @property {number} left
 *
 * @typedef {object} Video
 * @property {string} id  32 hex digits
 * @property {string} title
 * @property {string} [description]
 * @property {string[]} [tags]
 * @property {string} filename
 * @property {?string} container
 * @property {?number} duration_seconds
 * @property {?number} width
 * @property {?number} height
 * @property {?number} fps
 * @property {?number} bitrate  bits a second
 * @property {?string} video_codec
 * @property {?string} audio_codec
 * @property {?string} video_codec_string  by RFC 6381
 * @property {?string} audio_codec_string
 * @property {number} size_bytes
 * @property {?number} [year]
 * @property {?string} [original_title]
 * @property {?string} [show]  that it is an episode of
 * @property {?number} [season]
 * @property {?number} [episode]
 * @property {string[]} [people]
 * @property {string[]} [remarks]  why what lies beside the file is not used
 * @property {'ready'|'waiting'|'broken'} status
 * @property {?string} status_reason
 * @property {PublishedFile[]} [files]
 * @property {Track[]} [tracks]
 * @property {Subtitle[]} [subtitles]
 * @property {Chapter[]} [chapters]
 * @property {Job[]} [making]  queued and running, and the newest of each kind if it has failed
 * @property {?string} poster_href
 * @property {string} added_at  RFC 3339
 * @property {?string} [hdr]
 * @property {?number} [bit_depth]
 * @property {?('progressive'|'tff'|'bff')} [scan]
 * @property {?number} [key_frame_seconds]
 * @property {?number} [peak_bitrate]  bits a second
 * @property {?('front'|'back')} [moov_position]
 * @property {boolean} [made_now]  can be watched while it is made
 * @property {?string} [renditions]  when versions that play everywhere are made
 * @property {?string} [renditions_chosen]  when versions that play everywhere are made, if that was chosen for it alone
 * @property {boolean} direct_play  every current browser plays the file; what this one plays is asked (capability.js)
 *
 * @typedef {object} VideoPage
 * @property {Video[]} items
 * @property {?string} next_cursor
 *
 * @typedef {object} Grant
 * @property {string} playback_id
 * @property {string} expires_at
 * @property {number} heartbeat_seconds
 * @property {number} resume_seconds
 * @property {{source?: ?string, poster?: ?string, hls?: ?string, dash?: ?string, now?: ?string}} links  signed; they differ by the name at the end
 * @property {Chosen} chosen
 *
 * @typedef {object} Plays  what a device plays
 * @property {string[]} [decodes]  media types and codec strings
 * @property {string[]} [fails]  of those, what does not work for this title
 * @property {('hls'|'dash')[]} [manifests]
 * @property {'vlc'|'mpv'|'kodi'|'television'} [profile]  of a player that can't be asked
 *
 * @typedef {object} Way  of feeding a playback
 * @property {'source'|'rendition'|'repackaged'|'made_now'} way
 * @property {'source'|'hls'|'dash'|'now'} link
 * @property {string} reason
 *
 * @typedef {object} Chosen  what the device and the viewer's preferences mean for the playback
 * @property {Way[]} ways  in the order to try them
 * @property {Way[]} refused
 * @property {?number} max_height  lines; null: any
 * @property {?number} rate_bytes_per_second
 * @property {?string} language
 *
 * @typedef {object} RunningStream
 * @property {string} playback_id
 * @property {string|{id?: string, title?: string}} [video]
 * @property {string} [title]
 * @property {string} [device]
 * @property {string} [since]
 * @property {string} [state]
 *
 * @typedef {object} User
 * @property {string} id
 * @property {string} username
 * @property {string} role
 *
 * @typedef {object} Ways  in, for somebody who is not signed in
 * @property {boolean} guests
 * @property {'open'|'invitation'|'closed'} registration
 * @property {number} password_shortest  characters
 * @property {?string} passkeys_at  the host name that passkeys are made for
 *
 * @typedef {'totp'|'passkey'|'recovery'} Method  of a second factor
 *
 * @typedef {object} SecondStep  what the right password is answered with when a second factor is asked for
 * @property {string} challenge
 * @property {Method[]} methods
 * @property {PublicKeyCredentialRequestOptionsJSON} [options]  of the passkeys
 *
 * @typedef {object} Listed  a session
 * @property {string} session_id
 * @property {'browser'|'program'|'device'|'guest'} kind
 * @property {string} device
 * @property {?string} [client]  address
 * @property {string} created_at
 * @property {string} last_seen_at
 * @property {string} expires_at
 * @property {boolean} second_factor
 * @property {boolean} active
 * @property {boolean} current
 *
 * @typedef {object} Player  a television or player, as it is added
 * @property {string} session_id
 * @property {string} name
 * @property {string} library_url  as secret as the token in it
 * @property {string} qr  the same, as an SVG document
 * @property {string} expires_at
 *
 * @typedef {object} Passkey
 * @property {string} id
 * @property {string} name
 * @property {string} created_at
 * @property {?string} [last_used_at]
 *
 * @typedef {object} Factors
 * @property {boolean} totp
 * @property {Passkey[]} passkeys
 * @property {number} recovery_codes_left
 *
 * @typedef {object} Upload
 * @property {string} id
 * @property {string} name  of the file
 * @property {number} size_bytes
 * @property {?string} modified_at
 * @property {string} title  empty: made from the name
 * @property {string} description
 * @property {?import('./contract.js').Visibility} visibility
 * @property {?string} renditions  when versions that play everywhere are made; null: as its folder has it
 * @property {{root: string, folder: string}} place
 * @property {number} part_size_bytes
 * @property {number} parts
 * @property {number} arrived_parts
 * @property {number[]} arrived  the numbers of the parts that are there; not in the list
 * @property {import('./contract.js').UploadState} state
 * @property {?string} reason  of a refusal
 * @property {?string} video_id
 *
 * @typedef {object} Route
 * @property {'library'|'title'|'upload'|'account'|'jobs'|'health'|'register'|'invitation'|'reset'|'nowhere'} name
 * @property {string} [id]
 * @property {string} [token]  of an invitation or a reset
 * @property {URLSearchParams} query
 *
 * @typedef {object} ViewContext
 * @property {HTMLElement} root  empty; the view fills it
 * @property {Route} route
 * @property {AbortSignal} signal  aborted when the view is left
 * @property {(work: () => Promise<void>) => void} onLeave  awaited before the next view or signing out
 * @property {(work: () => Promise<void>) => void} onSessionOver  awaited before a session that ended by itself takes the view away
 */
export {};
