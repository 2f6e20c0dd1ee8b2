"""The closed vocabularies: who somebody is, what a title is, and why something ended."""

from typing import Final, Literal, get_args

Role = Literal["admin", "user", "guest"]
ROLES: Final[tuple[Role, ...]] = get_args(Role)

SessionKind = Literal["browser", "program", "device", "guest"]
SESSION_KINDS: Final[tuple[SessionKind, ...]] = get_args(SessionKind)

# What a file of the library is: to be played, still being copied, or of no use (with the reason).
TitleStatus = Literal["ready", "waiting", "broken"]
TITLE_STATUSES: Final[tuple[TitleStatus, ...]] = get_args(TitleStatus)

# Who may see a title: everybody, whoever has an account, or the users and groups that it names.
Visibility = Literal["public", "members", "named"]
VISIBILITIES: Final[tuple[Visibility, ...]] = get_args(Visibility)

Door = Literal["signed", "header"]
DOORS: Final[tuple[Door, ...]] = get_args(Door)

# An upload takes parts; all is there and is looked at; is a title; is none, for a reason.
UploadState = Literal["open", "checking", "done", "refused"]
UPLOAD_STATES: Final[tuple[UploadState, ...]] = get_args(UploadState)

# The states of a lease: granted and not used yet, bytes move, kept for a while, kept while the viewer pauses.
LeaseState = Literal["pending", "streaming", "idle", "paused"]
LEASE_STATES: Final[tuple[LeaseState, ...]] = get_args(LeaseState)

Quality = Literal["auto", "480p", "720p", "1080p"]
QUALITIES: Final[tuple[Quality, ...]] = get_args(Quality)

# What renditions are made of a title, named by the lines of a picture of 16:9: H.264, HEVC from 1440p on, and AV1.
Profile = Literal[
    "360p", "480p", "720p", "1080p", "1440p", "2160p", "1080p-av1", "1440p-av1", "2160p-av1",
]  # fmt: skip
PROFILES: Final[tuple[Profile, ...]] = get_args(Profile)

# Of which titles renditions are made by themselves: those that browsers can't play as they are, all, none.
RenditionPolicy = Literal["as_needed", "ladder", "none"]
RENDITION_POLICIES: Final[tuple[RenditionPolicy, ...]] = get_args(RenditionPolicy)

DeviceKind = Literal["browser", "phone", "television", "player"]
DEVICE_KINDS: Final[tuple[DeviceKind, ...]] = get_args(DeviceKind)

# Players that can't be asked what they play.
Player = Literal["vlc", "mpv", "kodi", "television"]
PLAYERS: Final[tuple[Player, ...]] = get_args(Player)

# What a playback may be fed from: by what it is, and by the name of its link. A title that is repackaged keeps its
# picture; one that is made now is encoded.
PlaybackWay = Literal["source", "rendition", "repackaged", "made_now"]
PlaybackLink = Literal["source", "hls", "dash", "now"]
Manifest = Literal["hls", "dash"]

# Where a file may play as it is.
HealthPlace = Literal["browsers", "vlc", "mpv", "kodi", "television"]
HEALTH_PLACES: Final[tuple[HealthPlace, ...]] = get_args(HealthPlace)

# Pictures that take more than a usual screen shows.
DynamicRange = Literal["hdr10", "hlg", "dolby-vision"]

TrackKind = Literal["video", "audio", "subtitle"]
TRACK_KINDS: Final[tuple[TrackKind, ...]] = get_args(TrackKind)

# Whole pictures, or fields, of which the upper (tff) or the lower one is shown first.
Scan = Literal["progressive", "tff", "bff"]

# What the edit list of an MP4 does: nothing that matters, begin a track later, cut something away.
EditList = Literal["none", "delays", "trims"]

# Where the index of an MP4 is.
MoovPosition = Literal["front", "back"]

# What may be wrong with how a title's file streams, worst first (authsvc/library/health.py says what each means).
HealthFinding = Literal[
    "broken", "incomplete", "not_everywhere", "interlaced", "edit_list", "sparse_key_frames", "peaks", "moov_at_end",
    "open_gop", "no_text_subtitles",
]  # fmt: skip
HEALTH_FINDINGS: Final[tuple[HealthFinding, ...]] = get_args(HealthFinding)

# What helps: versions that play everywhere, another look at the file, what people do with the file, nothing.
HealthRemedy = Literal["transcode", "rescan", "by_hand", "none"]
# Those findings that one press helps.
CurableFinding = Literal["broken", "not_everywhere", "interlaced", "edit_list", "sparse_key_frames", "peaks"]
CURABLE_FINDINGS: Final[tuple[CurableFinding, ...]] = get_args(CurableFinding)

# The codecs of subtitle tracks that are text, as the catalog names codecs. Others are pictures.
TEXT_SUBTITLES: Final = ("subrip", "srt", "text", "mov_text", "webvtt", "ass", "ssa")

# Where a title's subtitle was found: within its file, or in one of its own beside it.
SubtitleOrigin = Literal["embedded", "sidecar"]
SUBTITLE_ORIGINS: Final[tuple[SubtitleOrigin, ...]] = get_args(SubtitleOrigin)

# What a worker does: pictures of a title, its subtitles, what plays where the source does not, an upload, what somebody
# watches while it is made, what only newer devices play beside that which all do.
JobKind = Literal["pictures", "text", "rendition", "upload", "instant", "extra"]
JOB_KINDS: Final[tuple[JobKind, ...]] = get_args(JobKind)

JobState = Literal["queued", "running", "done", "failed", "cancelled"]
JOB_STATES: Final[tuple[JobState, ...]] = get_args(JobState)

# Why a job is wanted, first what comes first: somebody waits for it, it is of an upload, nobody asked.
JobUrgency = Literal["wanted", "upload", "backlog"]
JOB_URGENCIES: Final[tuple[JobUrgency, ...]] = get_args(JobUrgency)

# Where an admin puts a job among those that are queued.
JobPlace = Literal["first", "last"]
JOB_PLACES: Final[tuple[JobPlace, ...]] = get_args(JobPlace)

# Why a playback ended. Each is also the code of the 410 that its player gets.
PlaybackEnd = Literal["ended", "stopped", "replaced", "session", "withdrawn", "removed", "lapsed", "disclosed"]
PLAYBACK_ENDS: Final[dict[PlaybackEnd, str]] = {
    "ended": "Its viewer has ended it.",
    "stopped": "An admin has stopped it.",
    "replaced": "Another playback of the same viewer has taken its lease.",
    "session": "Its session has ended.",
    "withdrawn": "The title is not for this viewer any more.",
    "removed": "The title has left the library.",
    "lapsed": "Nothing was heard of it for a long time.",
    "disclosed": "Its link came without encryption.",
}

# Why a session ended.
SessionEnd = Literal[
    "logout", "ended_by_owner", "ended_by_admin", "expired", "idle", "evicted", "replaced", "refresh_reused",
    "password_changed", "disabled", "deleted", "disclosed",
]  # fmt: skip
SESSION_ENDS: Final[dict[SessionEnd, str]] = {
    "logout": "It signed out.",
    "ended_by_owner": "Its user ended it from another session.",
    "ended_by_admin": "An admin ended it.",
    "expired": "Its longest life was over.",
    "idle": "Nobody used it.",
    "evicted": "A newer session needed its room.",
    "replaced": "A sign-in named it to make room.",
    "refresh_reused": "One of its refresh tokens was used twice.",
    "password_changed": "The password of its user changed.",
    "disabled": "Its user was disabled.",
    "deleted": "Its user was deleted.",
    "disclosed": "A credential of it came without encryption.",
}
