"""What of a file goes into its renditions, and how it has to be treated: asked of ffprobe when they are made.

The catalog keeps what viewers need to know; an encoder needs more, such as the scan and the colours.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any, Final

from media.asking import Asking, parsed
from media.cadence import constant_rate
from media.faults import NO_VIDEO, Fault
from media.ladder import SOUND_RATE, SURROUND_RATE
from media.report import Track, read_report
from media.sandbox import complaint

_INTERLACED: Final = frozenset({"tt", "bb", "tb", "bt"})
# ITU-T H.273's names of transfer characteristics that take more than a usual screen shows.
_HDR: Final = frozenset({"smpte2084", "arib-std-b67"})
# ffprobe's name of the matrix coefficients -> ffmpeg's scale filter's.
_MATRICES: Final = {
    "bt709": "bt709", "smpte170m": "smpte170m", "bt470bg": "bt470bg", "smpte240m": "smpte240m", "fcc": "fcc",
    "bt2020nc": "bt2020", "bt2020c": "bt2020",
}  # fmt: skip
# A file that does not tell is of the kind of its size (ITU-R BT.601, BT.709).
_HIGH_DEFINITION_LINES: Final = 720
# Its base layer is of its own colours; no filter on a CPU gives them in time.
_DOLBY_VISION_ALONE: Final = Fault(
    "It is Dolby Vision without a picture for other screens (profile 5), and that can't be converted here. Use a "
    "version with HDR10, HLG or SDR in it."
)
UNDETERMINED: Final = "und"  # ISO 639-2
# Any three letters may be a language (ISO 639-2 and -3). Of two, those of ISO 639-1 are known to the packager.
_LANGUAGE: Final = re.compile(
    "[a-z]{3}|"
    "a[abefkmnrsvyz]|b[aeghimnors]|c[aehorsuvy]|d[aevz]|e[elnostu]|f[afijory]|g[adlnuv]|h[aeiortuyz]|"
    "i[adegikostu]|j[av]|k[agijklmnorsuvwy]|l[abginotuv]|m[ghiklnrsty]|n[abdeglnorvy]|o[cjmrs]|p[ailst]|"
    "q[u]|r[mnouw]|s[acdegiklmnoqrstuvw]|t[aeghiklnorstwy]|u[gkrz]|v[eio]|w[ao]|x[h]|y[io]|z[ahu]",
    re.ASCII,
)
_MAX_SOUNDS: Final = 16
# Places of loudspeakers, at least one of which ffmpeg's mixer needs.
_FRONT: Final = frozenset({"FL", "FR", "FC"})
_STEREO: Final = 2


@dataclass(frozen=True, slots=True)
class Sound:
    """An audio track that can be decoded, by its index within the container."""

    track: int
    language: str
    is_default: bool
    # In the file; more than two make a second sound of it, in 5.1.
    channels: int = 2
    is_surround: bool = False
    # By how much it is to be made louder.
    gain_db: float = 0.0
    # None of its channels has a place in front, where a mixer looks: a recorder's two microphones.
    is_unplaced: bool = False

    @property
    def rate(self) -> int:
        """Bits a second that it is made with."""
        return SURROUND_RATE if self.is_surround else SOUND_RATE


@dataclass(frozen=True, slots=True)
class Material:
    """`width` and `height` are as it is shown: upright, in square pixels. `rate` is what it is made with."""

    track: int
    width: int
    height: int
    rate: Fraction
    is_interlaced: bool
    # Its transfer characteristics where these have to be mapped to a usual screen's.
    hdr: str | None
    matrix: str
    sounds: tuple[Sound, ...]
    # Audio tracks that can't be decoded.
    left_out: int = 0
    # Nothing stands before the scaling that minds a picture of another size: neither fields nor a turn.
    takes_any_size: bool = False


def study(asking: Asking, middle_seconds: float) -> Material | Fault:
    """Raises `SandboxError` when no tool could run."""
    outcome = asking.report(None)
    if isinstance(outcome, Fault):
        return outcome
    report = parsed(outcome)
    if outcome.status != 0 or report is None:
        return Fault(f"The file can't be read: {complaint(outcome)}.")
    probed = read_report(report, asking.container.name)
    if probed is None or probed.width is None or probed.height is None:
        return NO_VIDEO
    video = next(stream for stream in report["streams"] if stream.get("index") == probed.video_track)
    if is_dolby_vision_alone(video):
        return _DOLBY_VISION_ALONE
    times = asking.times(probed.video_track, middle_seconds)
    if isinstance(times, Fault):
        return times
    told = [track for track in probed.tracks if track.kind == "audio"][:_MAX_SOUNDS]
    sounds = [track for track in told if asking.decodes(track.position, 0) is True]
    return Material(
        track=probed.video_track,
        width=probed.width,
        height=probed.height,
        rate=constant_rate(times),
        is_interlaced=video.get("field_order") in _INTERLACED,
        hdr=str(video["color_transfer"]) if video.get("color_transfer") in _HDR else None,
        matrix=_matrix(video),
        sounds=_in_order(sounds, report),
        left_out=len(told) - len(sounds),
        takes_any_size=video.get("field_order") not in _INTERLACED and not probed.rotation,
    )


def surrounds(sounds: Iterable[Sound]) -> tuple[Sound, ...]:
    """Those of `sounds` that have more to tell than stereo, in 5.1: as loud as they are in stereo."""
    return tuple(
        replace(sound, is_surround=True) for sound in sounds if sound.channels > _STEREO and not sound.is_unplaced
    )


def _in_order(tracks: list[Track], report: dict[str, Any]) -> tuple[Sound, ...]:
    """The one that players take by themselves first: the default that can be decoded, else the first."""
    ordered = sorted(tracks, key=lambda track: not track.is_default)
    layouts = {stream.get("index"): str(stream.get("channel_layout")) for stream in report["streams"]}
    return tuple(
        Sound(
            track.position,
            _language(track.language),
            is_default=at == 0,
            channels=track.channels or _STEREO,
            is_unplaced=_is_unplaced(layouts.get(track.position, "")),
        )
        for at, track in enumerate(ordered)
    )


def _is_unplaced(layout: str) -> bool:
    """Does ffprobe spell out a layout, such as `2 channels (BL+BR)`, with several channels and none in front?"""
    spelt = re.fullmatch(r"[0-9]+ channels \(([A-Z0-9+]+)\)", layout, re.ASCII)
    places = spelt[1].split("+") if spelt else []
    return len(places) > 1 and not _FRONT.intersection(places)


def _language(told: str | None) -> str:
    main = (told or "").lower().partition("-")[0]
    return main if _LANGUAGE.fullmatch(main) else UNDETERMINED


def _matrix(video: dict[str, Any]) -> str:
    known = _MATRICES.get(str(video.get("color_space")))
    is_high = (video.get("height") or 0) >= _HIGH_DEFINITION_LINES
    return known or ("bt709" if is_high else "smpte170m")


def is_dolby_vision_alone(video: dict[str, Any]) -> bool:
    """Compatibility 0 of the configuration record: no other decoder gets the colours right."""
    records = [entry for entry in video.get("side_data_list", []) if isinstance(entry, dict)]
    return any(
        str(entry.get("side_data_type")) == "DOVI configuration record"
        and entry.get("dv_bl_signal_compatibility_id") == 0
        for entry in records
    )
