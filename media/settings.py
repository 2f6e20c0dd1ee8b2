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

    # Renditions: the encoder's speed (x264's presets), and the quality it aims at where the rung's rate allows (x264's
    # CRF, 18 hardly to be told from the source, 28 visibly worse).
    rendition_preset: Literal["veryfast", "faster", "fast", "medium", "slow"] = "fast"
    rendition_quality: Annotated[int, Field(ge=14, le=34)] = 22
