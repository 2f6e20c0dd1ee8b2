"""The playlists of a title that is made while it is watched: whole from the start, since the grid tells every segment
(RFC 8216).
"""

from collections.abc import Iterable, Sequence
from fractions import Fraction
from itertools import repeat
from typing import Final

from catalog.contract.forms import NOW
from media.grid import Grid, sound_seconds
from media.instant import level
from media.ladder import SOUND_RATE, Picture
from media.material import UNDETERMINED, Sound

MASTER: Final = f"{NOW}.m3u8"
_HEAD: Final = ("#EXTM3U", "#EXT-X-VERSION:7", "#EXT-X-INDEPENDENT-SEGMENTS")


def picture_stem(picture: Picture, generation: str) -> str:
    """Of all names that belong to the pictures."""
    return f"n{picture.rung.lines}-{generation}"


def sound_stem(index: int, generation: str) -> str:
    """Of all names that belong to a sound."""
    return f"sound-{index}-{generation}"


def segment_name(stem: str, number: int) -> str:
    """Of one segment."""
    return f"{stem}-{number:05}.m4s"


def init_name(stem: str) -> str:
    """Of what a decoder begins with."""
    return f"{stem}.mp4"


def playlists(picture: Picture, sounds: Sequence[Sound], grid: Grid, generation: str) -> dict[str, str]:
    """Name and content of each, in the order to publish them in: what leads to the others comes last."""
    stem = picture_stem(picture, generation)
    made = {f"{stem}.m3u8": _media(stem, grid.lengths())}
    for index in range(len(sounds)):
        stem_of_sound = sound_stem(index, generation)
        made[f"{stem_of_sound}.m3u8"] = _media(stem_of_sound, repeat(sound_seconds(), grid.sound_segments))
    return made | {MASTER: _master(picture, sounds, grid, generation)}


def _media(stem: str, lengths: Iterable[Fraction]) -> str:
    seconds = [float(length) for length in lengths]
    lines = [
        *_HEAD,
        f"#EXT-X-TARGETDURATION:{max(1, round(max(seconds)))}",
        "#EXT-X-PLAYLIST-TYPE:VOD",
        f'#EXT-X-MAP:URI="{init_name(stem)}"',
    ]
    for number, length in enumerate(seconds):
        lines += [f"#EXTINF:{length:.6f},", segment_name(stem, number)]
    return "\n".join([*lines, "#EXT-X-ENDLIST", ""])


def _master(picture: Picture, sounds: Sequence[Sound], grid: Grid, generation: str) -> str:
    lines = [*_HEAD]
    seen = dict[str, int]()
    for index, sound in enumerate(sounds):
        # Players list sounds by their name, so those of one language are told apart by a number.
        seen[sound.language] = number = seen.get(sound.language, 0) + 1
        name = sound.language if number == 1 else f"{sound.language} {number}"
        language = "" if sound.language == UNDETERMINED else f',LANGUAGE="{sound.language}"'
        is_default = "YES" if sound.is_default else "NO"
        lines.append(
            f'#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="sound",NAME="{name}"{language},DEFAULT={is_default},AUTOSELECT=YES,'
            f'CHANNELS="2",URI="{sound_stem(index, generation)}.m3u8"'
        )
    codecs = f"avc1.6400{level(picture, grid.rate):02x}" + (",mp4a.40.2" if sounds else "")
    bandwidth = picture.rung.rate + (SOUND_RATE if sounds else 0)
    stream = (
        f'#EXT-X-STREAM-INF:BANDWIDTH={bandwidth},CODECS="{codecs}",RESOLUTION={picture.width}x{picture.height},'
        f"FRAME-RATE={float(grid.rate):.3f}"
    )
    return "\n".join(
        [*lines, stream + (',AUDIO="sound"' if sounds else ""), f"{picture_stem(picture, generation)}.m3u8", ""]
    )
