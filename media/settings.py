"""Every setting of the tools that touch a media file, its unit and its reason.

Values come from the environment with the prefix KINETOSCOPE_.
"""

from typing import Annotated, Literal

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

Seconds = Annotated[float, Field(gt=0, le=86_400)]
Bytes = Annotated[int, Field(ge=1024, le=1 << 40)]


class MediaSettings(BaseSettings):
    """Limits of the tools, and what the pictures they make are like."""

    model_config = SettingsConfigDict(env_prefix="KINETOSCOPE_", extra="ignore", frozen=True)

    # Longest run of ffprobe on one file, of ffmpeg making one poster, and of measuring a file's length packet by
    # packet when its header does not tell it (reads the whole file). Half of each may be computing: a file that takes
    # more is broken, one on a disk that is slow today is tried again.
    probe_timeout_seconds: Seconds = 30
    poster_timeout_seconds: Seconds = 60
    measure_timeout_seconds: Seconds = 300
    # Address space of one tool. Measured: 8K HEVC in 10 bit is probed and pictured within 512 MiB.
    sandbox_memory_bytes: Annotated[int, Field(ge=256 << 20)] = 2 << 30
    # Longest answer of ffprobe, and largest poster.
    probe_output_bytes: Bytes = 8 << 20
    poster_output_bytes: Bytes = 2 << 20

    # Posters are at most this wide (pixels), and have this JPEG quality (2 best, 31 worst; ffmpeg's -q:v).
    poster_width: Annotated[int, Field(ge=64, le=3840)] = 640
    poster_quality: Annotated[int, Field(ge=2, le=31)] = 4

    # A picture beside a film, or the cover in it, of which its poster is made: the largest file (bytes), and the most
    # pixels. So many are tried for one film.
    cover_bytes: Bytes = 32 << 20
    cover_pixels: Annotated[int, Field(ge=4096, le=1 << 28)] = 64_000_000
    covers: Annotated[int, Field(ge=0, le=20)] = 6
    # The largest note (.nfo) beside a film that is read (bytes).
    note_bytes: Bytes = 1 << 20

    # Renditions: the encoder's speed (x264's presets), and the quality it aims at where the rung's rate allows (x264's
    # CRF, 18 hardly to be told from the source, 28 visibly worse).
    rendition_preset: Literal["veryfast", "faster", "fast", "medium", "slow"] = "fast"
    rendition_quality: Annotated[int, Field(ge=14, le=34)] = 22

    # The most lines of what is made without having been named. From 1440 on it is HEVC, with x265's speed and quality:
    # a preset takes several times as long as x264's of the same name.
    rendition_lines: Literal[360, 480, 720, 1080, 1440, 2160] = 2160
    rendition_hevc_preset: Literal["ultrafast", "superfast", "veryfast", "faster", "fast", "medium", "slow"] = "fast"
    rendition_hevc_quality: Annotated[int, Field(ge=14, le=40)] = 24
    # Whether AV1 is made from 1080 lines up, beside the others, without having been named; SVT-AV1's speed (0 slowest)
    # and quality (its CRF). Several times fewer bits than H.264 for the same, and many devices can't decode it.
    rendition_av1: bool = False
    rendition_av1_preset: Annotated[int, Field(ge=2, le=13)] = 8
    rendition_av1_quality: Annotated[int, Field(ge=14, le=60)] = 35
    # Beside stereo, sounds of more channels in 5.1 (AAC, 384 kbit/s each).
    rendition_surround: bool = True

    # A picture that browsers decode is copied instead of encoded, where its key frames lie at most this far apart
    # (seconds; x264's own 250 pictures are 10.4 s of a film), since a player begins and seeks at them, and where it
    # takes at most so many bits a second (twice as many in its densest second). The interface tells by the same limits.
    rendition_copy: bool = True
    rendition_copy_key_seconds: Annotated[float, Field(ge=1, le=60)] = 12
    rendition_copy_rate: Annotated[int, Field(ge=100_000, le=1_000_000_000)] = 20_000_000

    # What is made while somebody watches: the most lines of its picture, the encoder's speed, and the quality aimed at.
    # It has to be made faster than it is watched.
    instant_lines: Literal[360, 480, 720] = 720
    instant_preset: Literal["ultrafast", "superfast", "veryfast", "faster", "fast"] = "veryfast"
    instant_quality: Annotated[int, Field(ge=14, le=34)] = 23

    # A storyboard aims at this many tiles, no closer than the shortest and no wider apart than the longest interval
    # (whole seconds), on at most so many sheets of 100; a film that is too long for those has wider intervals.
    storyboard_tiles: Annotated[int, Field(ge=1, le=9900)] = 360
    storyboard_shortest_seconds: Annotated[int, Field(ge=1, le=3600)] = 2
    storyboard_longest_seconds: Annotated[int, Field(ge=1, le=3600)] = 10
    storyboard_sheets: Annotated[int, Field(ge=1, le=99)] = 20
    # Longest side of a tile (pixels), and largest sheet. A JPEG ends at 65,535 pixels a side; ten tiles make one.
    storyboard_tile_pixels: Annotated[int, Field(ge=16, le=1280)] = 240
    sheet_bytes: Bytes = 16 << 20
    # Thumbnails of a film, and how wide they are at most (pixels).
    thumbnails: Annotated[int, Field(ge=1, le=99)] = 8
    thumbnail_width: Annotated[int, Field(ge=64, le=3840)] = 640

    # A preview shows so many scenes of this many seconds each, at most this wide (pixels) and this fast, with x264's
    # quality (lower is better); a scene and the whole are at most this large.
    preview_scenes: Annotated[int, Field(ge=1, le=30)] = 10
    preview_scene_seconds: Annotated[float, Field(ge=0.5, le=30)] = 3
    preview_width: Annotated[int, Field(ge=64, le=1920)] = 480
    preview_fps: Annotated[int, Field(ge=1, le=60)] = 25
    preview_quality: Annotated[int, Field(ge=0, le=51)] = 28
    preview_bytes: Bytes = 16 << 20

    # Subtitle tracks that are taken out of a film, the sidecars beside it, and the cues of each; the longest text of
    # one. Scripts of ASS that draw signs run to megabytes.
    subtitle_tracks: Annotated[int, Field(ge=1, le=90)] = 60
    subtitle_sidecars: Annotated[int, Field(ge=0, le=90)] = 30
    subtitle_cues: Annotated[int, Field(ge=1, le=1_000_000)] = 20_000
    subtitle_bytes: Bytes = 16 << 20
    # Subtitle tracks of a film that are pictures (PGS, VobSub): how many are taken out, the largest of them (of a
    # Blu-ray's feature 10 to 60 MB), how often what it shows may change, and the pixels of its screen.
    picture_subtitle_tracks: Annotated[int, Field(ge=0, le=90)] = 40
    picture_subtitle_bytes: Bytes = 96 << 20
    picture_subtitle_changes: Annotated[int, Field(ge=1, le=1_000_000)] = 20_000
    picture_subtitle_pixels: Annotated[int, Field(ge=1 << 16, le=1 << 25)] = 4096 * 2304
    # Fonts that are kept for a film's scripts, and the largest of them.
    fonts: Annotated[int, Field(ge=0, le=99)] = 40
    font_bytes: Bytes = 24 << 20
