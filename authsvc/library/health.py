"""How well a title's file streams, and what helps. A function of what is stored of it alone.

Each finding is one of `HealthFinding`. A finding of the file stays when versions that play everywhere are kept beside
it; then nothing is to be done about it. `authsvc.library.checkup` finds the same in SQL, for lists and counts.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from catalog.contract.everywhere import PLAYED_EVERYWHERE
from catalog.contract.words import HEALTH_FINDINGS, HealthFinding, HealthRemedy

REMEDIES: Final[Mapping[HealthFinding, HealthRemedy]] = {
    "broken": "rescan",
    "incomplete": "by_hand",
    "not_everywhere": "transcode",
    "interlaced": "transcode",
    "edit_list": "transcode",
    "sparse_key_frames": "transcode",
    "peaks": "transcode",
    "moov_at_end": "none",
    "open_gop": "none",
    "no_text_subtitles": "by_hand",
}
# What each means, of titles in general.
MEANINGS: Final[Mapping[HealthFinding, str]] = {
    "broken": "The file can't be played at all. It can be looked at again.",
    "incomplete": "The file plays, but not to its end or not everywhere in it. Copy it again.",
    "not_everywhere": "Not every browser plays the file as it is. Versions that all play can be made.",
    "interlaced": "The picture is made of fields, and screens that don't join them show combs. Versions can be made.",
    "edit_list": "The file cuts by an edit list, which some players ignore. Versions can be made with the cut in them.",
    "sparse_key_frames": "Key frames are so far apart that seeking takes long. Versions have one every two seconds.",
    "peaks": "At its densest the file takes far more than its mean, and slow lines stall. Versions are evener.",
    "moov_at_end": "The index is behind the film. A player asks once more before it starts; nothing has to be done.",
    "open_gop": "Pictures before a key frame need what is behind it. Players know that; nothing has to be done.",
    "no_text_subtitles": "All its subtitles are pictures, which few players show. Put a text (.srt) beside the film.",
}
_KEPT: Final = " Versions that play everywhere are kept, so nothing has to be done."
_UNKNOWN_PART: Final = "picture: its format of colours"
_DEEPEST: Final = 8
_RANGES: Final = {"hdr10": "HDR10", "hlg": "HLG", "dolby-vision": "Dolby Vision"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What of a title decides. Rates are bits a second; None is: not known, or not to be known of such a file."""

    status: str = "ready"
    status_reason: str | None = None
    container: str | None = None
    video_codec: str | None = None
    audio_codec: str | None = None
    bit_depth: int | None = None
    hdr: str | None = None
    direct_play: bool = True
    bitrate: int | None = None
    peak_bitrate: int | None = None
    key_frame_seconds: float | None = None
    scan: str | None = None
    open_gop: bool | None = None
    edit_list: str | None = None
    moov_position: str | None = None
    # Whether its file has subtitles, whether some of these are text, and whether some are offered as text.
    has_subtitles: bool = False
    has_text_tracks: bool = False
    has_text: bool = False
    # Whether a manifest leads to versions that play everywhere.
    has_versions: bool = False


@dataclass(frozen=True, slots=True)
class Limits:
    """From where on a file streams badly: seconds between key frames, and a peak by the mean rate."""

    key_frame_seconds: float
    peak_times: float


@dataclass(frozen=True, slots=True)
class Finding:
    """`sentence` says of this file what it means; `remedy` is what helps it now."""

    finding: HealthFinding
    sentence: str
    remedy: HealthRemedy


def findings(facts: Facts, limits: Limits) -> list[Finding]:
    """Worst first. A file that is still being copied has none."""
    if facts.status == "broken":
        return [Finding("broken", facts.status_reason or MEANINGS["broken"], REMEDIES["broken"])]
    if facts.status != "ready":
        return []
    told = _told(facts, limits)
    return [_finding(name, told[name], facts) for name in HEALTH_FINDINGS if name in told]


def obstacles(facts: Facts) -> list[str]:
    """What of the file not every browser plays, by its part: `sound: ac3`."""
    if facts.direct_play:
        return []
    parts = []
    pictures, sounds = PLAYED_EVERYWHERE.get(facts.container or "", (None, None))
    if pictures is None:
        parts.append(f"container: {facts.container or 'unknown'}")
        pictures, sounds = (frozenset[str]().union(*each) for each in zip(*PLAYED_EVERYWHERE.values(), strict=True))
    if facts.video_codec not in pictures:
        parts.append(f"picture: {facts.video_codec or 'unknown'}")
    if facts.bit_depth and facts.bit_depth > _DEEPEST:
        parts.append(f"picture: {facts.bit_depth} bits a sample")
    if facts.hdr:
        parts.append(f"picture: {_RANGES.get(facts.hdr, facts.hdr)}")
    if facts.audio_codec and sounds is not None and facts.audio_codec not in sounds:
        parts.append(f"sound: {facts.audio_codec}")
    return parts or [_UNKNOWN_PART]


def _told(facts: Facts, limits: Limits) -> dict[HealthFinding, str]:
    """The sentences of what was found."""
    told: dict[HealthFinding, str] = {}
    if facts.status_reason:
        told["incomplete"] = facts.status_reason
    if not facts.direct_play:
        told["not_everywhere"] = f"Not every browser plays it as it is ({'; '.join(obstacles(facts))})."
    if facts.scan in ("tff", "bff"):
        told["interlaced"] = "Its picture is made of fields; screens that don't join them show combs where it moves."
    if facts.edit_list == "trims":
        told["edit_list"] = "It cuts by an edit list; players that ignore it show what was cut, or sound out of step."
    seconds = facts.key_frame_seconds
    if seconds is not None and seconds > limits.key_frame_seconds:
        told["sparse_key_frames"] = f"Its key frames are up to {seconds:.0f} s apart, so seeking takes long."
    if facts.bitrate and facts.peak_bitrate and facts.peak_bitrate > limits.peak_times * facts.bitrate:
        told["peaks"] = (
            f"At its densest it takes {_rate(facts.peak_bitrate)}, {facts.peak_bitrate / facts.bitrate:.1f} times its"
            " mean; slower lines stall there."
        )
    if facts.moov_position == "back":
        told["moov_at_end"] = "Its index is behind the film, so a player asks once more before it starts."
    if facts.open_gop:
        told["open_gop"] = "Pictures before a key frame need what is behind it; players know that."
    if facts.has_subtitles and not facts.has_text_tracks and not facts.has_text:
        told["no_text_subtitles"] = "All its subtitles are pictures, which few players show. Put a text beside it."
    return told


def _finding(name: HealthFinding, sentence: str, facts: Facts) -> Finding:
    remedy = REMEDIES[name]
    if remedy == "transcode" and facts.has_versions:
        return Finding(name, sentence + _KEPT, "none")
    return Finding(name, sentence, remedy)


def _rate(bits_per_second: int) -> str:
    return f"{bits_per_second / 1e6:.1f} Mbit/s"
