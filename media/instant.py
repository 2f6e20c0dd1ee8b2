"""The command that makes a stretch of a title while somebody watches it: a picture and all sounds, from any segment on.

What comes out are fragmented MP4 files, a fragment for each segment of the grid (media.grid, media.fragments). A run
that begins elsewhere makes the same segments: frames lie on the grid of the whole title; an encoder of sound is warmed
up by what comes before, and what it says of that is dropped.
"""

from collections.abc import Sequence
from fractions import Fraction
from typing import Any, Final

import ffmpeg
from ffmpeg.nodes import OutputStream

from media import graph
from media.grid import AAC_SAMPLES, SEGMENT_SECONDS, SOUND_FRAMES, SOUND_HERTZ, Grid, first_sample, sound_seconds
from media.ladder import Picture
from media.making import compiled
from media.material import Material, Sound
from media.sandbox import VIDEO
from media.settings import MediaSettings
from media.sniff import Container

# Of the frames of sound before a segment these are encoded for the encoder's memory alone.
_WARM_UP_FRAMES: Final = 2
# So far before the first picture the file is read from: neighbours of the first frame decide what is shown in it.
_MARGIN_SECONDS: Final = 0.1
_TELL_SECONDS: Final = "0.1"
_FRAGMENTED: Final = "+empty_moov+default_base_moof+skip_trailer"
# H.264's levels times ten, and how many blocks of 16x16 pixels a second each allows.
_BLOCKS_A_SECOND: Final = ((31, 108_000), (40, 245_760), (42, 522_240))
_CUT_AT_KEYS: Final = "+frag_keyframe"


def command(
    settings: MediaSettings,
    container: Container,
    material: Material,
    picture: Picture,
    sounds: Sequence[Sound],
    grid: Grid,
    segments: range,
) -> list[str]:
    """ffmpeg's, for the file at VIDEO: `segments` of the pictures into `graph.picture_file`, and of each sound all that
    lie beside them into `graph.sound_file`. Where the file ends early, its last picture and silence go on.
    """
    beside = sounds_beside(grid, segments)
    first = first_sample(beside.start)
    warm = max(0, first - _WARM_UP_FRAMES * AAC_SAMPLES)
    at = max(0.0, min(float(grid.begins(segments.start)), warm / SOUND_HERTZ) - _MARGIN_SECONDS)
    source = ffmpeg.input(f"file:{VIDEO}", ss=f"{at:.6f}", **graph.reading(container, material))
    outputs = [_encoded(settings, source[str(material.track)], material, picture, grid, segments)]
    outputs += [_voiced(graph.samples_of(source, sound), sound, warm, first, len(beside)) for sound in sounds]
    return compiled(ffmpeg.merge_outputs(*outputs), "-copyts", "-start_at_zero", "-stats_period", _TELL_SECONDS)


def sounds_beside(grid: Grid, segments: range) -> range:
    """The segments of sound that are heard during `segments` of pictures."""
    last = grid.sound_segments if segments.stop >= grid.segments else grid.sound_segment(segments.stop) + 1
    return range(grid.sound_segment(segments.start), last)


def _encoded(
    settings: MediaSettings, frames: Any, material: Material, picture: Picture, grid: Grid, segments: range
) -> OutputStream:
    begins = grid.begins(segments.start)
    until = min(grid.first_frame(segments.stop), grid.frames)
    count = until - grid.first_frame(segments.start)
    frames = graph.prepared(frames, material, picture, begins=begins)
    frames = frames.filter("tpad", stop=count, stop_mode="clone").filter("trim", end_frame=count)
    # ffmpeg counts from the run's first picture, and a boundary is at the picture nearest to it.
    due = Fraction(SEGMENT_SECONDS * segments.start) - begins - 1 / (2 * grid.rate)
    return ffmpeg.output(
        frames,
        graph.picture_file(picture),
        # A picture that is decoded before one that is shown earlier would be decoded before the title begins. Without
        # them each segment's times are plain, and the first is there sooner.
        bf=0,
        force_key_frames=f"expr:gte(t,n_forced*{SEGMENT_SECONDS}+{float(due):.6f})",
        level=level(picture, grid.rate),
        video_track_timescale=grid.timescale,
        movflags=_FRAGMENTED + _CUT_AT_KEYS,
        flush_packets=1,
        f="mp4",
        **graph.picture_options(picture, settings.instant_preset, settings.instant_quality),
    )


def _voiced(samples: Any, sound: Sound, warm: int, first: int, segments: int) -> OutputStream:
    """`segments` from sample `first` on, with an encoder that has heard all since `warm`."""
    end = first + segments * SOUND_FRAMES * AAC_SAMPLES
    # Somewhat more than is kept of it: an encoder looks ahead.
    until = end + _WARM_UP_FRAMES * AAC_SAMPLES
    heard = graph.stereo(samples, first=warm).filter("apad", pad_len=until - warm).filter("atrim", end_pts=until)
    return ffmpeg.output(
        heard,
        graph.sound_file(sound),
        movflags=_FRAGMENTED,
        frag_duration=int(sound_seconds() * 1_000_000),
        flush_packets=1,
        f="mp4",
        **{"bsf:a": rf"noise=drop='lt(pts\,{first})+gte(pts\,{end})'"},
        **graph.SOUND_OPTIONS,
    )


def level(picture: Picture, rate: Fraction) -> int:
    """H.264's level times ten (ITU-T H.264, table A-1): told in the playlist before there is a picture."""
    blocks = -(-picture.width // 16) * -(-picture.height // 16) * rate
    return next((number for number, most in _BLOCKS_A_SECOND if blocks <= most), 51)
