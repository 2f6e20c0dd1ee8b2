"""A rendition whose picture is the source's own: the command that copies it, and the proof that the copy is right.

The sounds are made as those of the ladder, or copied where they are AAC-LC in stereo. What `catalog.copying` can't know
beforehand is seen here: when the first picture is shown, whether parameter sets change on the way, and whether all has
come over.
"""

import os
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import ffmpeg
from ffmpeg.nodes import OutputStream

from catalog.copying import Limits, too_fast, too_sparse
from media import graph
from media.asking import Asking, input_options, parsed
from media.declared import find
from media.faults import Fault
from media.iso_index import read_iso_index
from media.ladder import Picture, Rung, pictures
from media.making import compiled
from media.material import Material, Sound
from media.report import sections
from media.sandbox import VIDEO, complaint
from media.sniff import Container, Family

# The copy begins with its first picture. One that is shown this late (seconds) has something before it that counts.
_LATEST_START: Final = 0.1
# A sound that begins this near to the picture is in time (seconds): what people notice begins at 0.045 (ITU-R BT.1359).
_IN_TIME: Final = 0.045
_SAMPLE_RATES: Final = ("44100", "48000")
# Of the picture's units: the sequence's and the picture's parameter sets (ITU-T H.264, table 7-1).
_SETS: Final = "sets.h264"
_ONLY_SETS: Final = "h264_mp4toannexb,filter_units=pass_types=7-8"
_START_CODE: Final = b"\x00\x00\x01"
# Larger than those of any film that repeats them with each key frame.
_MOST_SETS: Final = 64 << 20
# How much shorter or longer than it is said to be (seconds, and share of it), and how many pictures more or less.
_NEARLY_SECONDS: Final = 0.5
_NEARLY: Final = 0.005
_PICTURES: Final = 0.01
_CONTAINER: Final = Container("mp4", Family.ISO)


@dataclass(frozen=True, slots=True)
class Seen:
    """`begins` is when the first picture is shown (seconds); `as_they_are` are the sounds, by track, to be copied."""

    begins: float
    as_they_are: frozenset[int]


def look(asking: Asking, material: Material) -> Seen | Fault:
    """What decides in the file's own times. A `Fault` says why the picture can't be copied."""
    outcome = asking.report(None)
    report = None if isinstance(outcome, Fault) else parsed(outcome)
    if isinstance(outcome, Fault) or report is None:
        return outcome if isinstance(outcome, Fault) else Fault("The file can't be read.")
    streams = {stream.get("index"): stream for stream in sections(report.get("streams"))}
    begins = _number(streams.get(material.track, {}).get("start_time"))
    if begins is None or not 0 <= begins <= _LATEST_START:
        return Fault("Its picture does not begin with the film.")
    kept = (one.track for one in material.sounds if _may_be_copied(streams.get(one.track, {}), begins))
    return Seen(begins, frozenset(kept))


def _may_be_copied(stream: Mapping[str, Any], begins: float) -> bool:
    start = _number(stream.get("start_time"))
    return (
        (stream.get("codec_name"), stream.get("profile"), stream.get("channels")) == ("aac", "LC", 2)
        and stream.get("sample_rate") in _SAMPLE_RATES
        and start is not None
        and abs(start - begins) <= _IN_TIME
    )


def picture_of(material: Material) -> Picture:
    """As the ladder would name its largest: in the picture's own size, of H.264."""
    rung = pictures(material.width, material.height)[-1].rung
    return Picture(Rung(rung.profile, rung.lines, rung.rate), material.width, material.height)


def command(
    container: Container, material: Material, picture: Picture, sounds: Sequence[Sound], seen: Seen
) -> list[str]:
    """ffmpeg's, for the file at VIDEO: `graph.picture_file`, `graph.sound_file` of each, and the sets of parameters."""
    # All moves to where the picture begins at 0; of the sounds what would be before it goes.
    source = ffmpeg.input(f"file:{VIDEO}", itsoffset=f"{-seen.begins:.6f}", **input_options(container))
    track = source[str(material.track)]
    outputs = [
        ffmpeg.output(track, graph.picture_file(picture), vcodec="copy", **{"tag:v": "avc1"}, **graph.NOTHING_TOLD),
        ffmpeg.output(track, _SETS, vcodec="copy", f="h264", **{"bsf:v": _ONLY_SETS}),
    ]
    outputs += [_sounding(source, sound, seen.as_they_are) for sound in sounds]
    return compiled(ffmpeg.merge_outputs(*outputs), "-copyts")


def _sounding(source: Any, sound: Sound, as_they_are: Collection[int]) -> OutputStream:
    if sound.is_surround or sound.track not in as_they_are:
        return graph.voiced(graph.samples_of(source, sound), sound)
    before = r"noise=drop='lt(pts\,0)'"
    return ffmpeg.output(
        source[str(sound.track)], graph.sound_file(sound), acodec="copy", **{"bsf:a": before}, **graph.NOTHING_TOLD
    )


def doubt(asking: Asking, path: Path, limits: Limits, *, seconds: float, fps: float | None) -> str | None:
    """Why what lies at `path`, open in `asking`, is not the picture of a source of so many `seconds` and pictures a
    second. None: it is. Raises `OSError`.
    """
    index = read_iso_index(asking.descriptor, os.fstat(asking.descriptor).st_size, 0)
    peak = round(index.peak_bitrate) if index.peak_bitrate else None
    if index.edit_list != "none":
        return "its pictures are not all shown in their order"
    if slow := too_sparse(index.key_frame_seconds, limits) or too_fast(None, peak, limits):
        return slow
    if index.mean_bitrate and index.mean_bitrate > limits.rate:
        return f"it takes {index.mean_bitrate / 1e6:.1f} Mbit/s"
    outcome = asking.report(None)
    report = None if isinstance(outcome, Fault) else parsed(outcome)
    if isinstance(outcome, Fault) or report is None:
        return outcome.sentence if isinstance(outcome, Fault) else complaint(outcome)
    (stream,) = sections(report.get("streams")) or [{}]
    length, count = _number(stream.get("duration")) or 0.0, _number(stream.get("nb_frames")) or 0.0
    if abs(length - seconds) > max(_NEARLY_SECONDS, _NEARLY * seconds):
        return f"{length:.1f} s of {seconds:.1f} s came over"
    if fps and abs(count - fps * length) > max(2, _PICTURES * fps * length):
        return f"{count:.0f} pictures came over where there should be {fps * length:.0f}"
    return None if _are_constant(asking.descriptor, path.with_name(_SETS)) else "its parameter sets change on the way"


def _are_constant(descriptor: int, sets: Path) -> bool:
    """Are all that the stream holds those that the file begins with, and is there one sequence?"""
    if sets.stat().st_size > _MOST_SETS:
        return False
    told = _configured(descriptor)
    found = {unit.rstrip(b"\0") for unit in sets.read_bytes().split(_START_CODE)} - {b""}
    sequences = [unit for unit in told if unit[0] & 0x1F == 7]
    return len(sequences) == 1 and found <= told


def _configured(descriptor: int) -> set[bytes]:
    """The parameter sets of an MP4 that ffmpeg wrote (ISO/IEC 14496-15, 5.3.3.1)."""
    entry = find(descriptor, 0, os.fstat(descriptor).st_size, *(b"moov trak mdia minf stbl stsd".split()))
    # Behind version, flags and number of entries the one entry, whose own boxes follow 78 bytes (14496-12, 12.1.3).
    place = find(descriptor, entry[0] + 8 + 8 + 78, entry[1], b"avcC") if entry else None
    if place is None:
        return set()
    record = os.pread(descriptor, place[1] - place[0], place[0])
    units, at = set(), 5
    for mask in (0x1F, 0xFF):
        count, at = record[at] & mask, at + 1
        for _ in range(count):
            length = int.from_bytes(record[at : at + 2], "big")
            units.add(record[at + 2 : at + 2 + length].rstrip(b"\0"))
            at += 2 + length
    return units - {b""}


def asking_of(asking: Asking, descriptor: int) -> Asking:
    """The same questions about a file of ours."""
    return Asking(asking.sandbox, asking.settings, descriptor, _CONTAINER)


def _number(value: object) -> float | None:
    try:
        return float(str(value))
    except ValueError:
        return None
