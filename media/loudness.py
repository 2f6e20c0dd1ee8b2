"""How loud a track is, and by how much it has to be made louder or softer.

One gain for all of a film: its quiet scenes stay quiet, as a compressor would not let them. By EBU R 128.
"""

import contextlib
from typing import Final

import ffmpeg

from media.asking import input_options
from media.graph import samples_of
from media.material import Sound
from media.sandbox import VIDEO
from media.sniff import Container

# Between films (-27 to -23) and music (-14): what a viewer need not reach for the volume at. LUFS.
_WANTED: Final = -18.0
# Nearly silent films would be noise if they were made as loud as others. dB.
_MOST, _LEAST = 12.0, -24.0
# Below this ebur128 has heard nothing. LUFS.
_SILENCE: Final = -69.0
_TOLD: Final = "lavfi.r128.I"


def command(container: Container, sound: Sound) -> list[str]:
    """ffmpeg's: on standard output the loudness up to then, ten times for each second of sound."""
    samples = samples_of(ffmpeg.input(f"file:{VIDEO}", **input_options(container)), sound)
    heard = (
        samples.filter("aformat", channel_layouts="stereo")
        .filter("ebur128", metadata=1)
        .filter("ametadata", mode="print", key=_TOLD, file="pipe:1")
    )
    nothing = ffmpeg.output(heard, "pipe:", f="null").global_args("-nostdin", "-v", "error")
    made: list[str] = nothing.compile()
    return made


class Heard:
    """Reads what the command says."""

    def __init__(self) -> None:
        self._loudness = _SILENCE

    def line(self, said: bytes) -> None:
        key, _, value = said.decode("ascii", "replace").strip().partition("=")
        if key == _TOLD:
            with contextlib.suppress(ValueError):
                self._loudness = float(value)

    @property
    def gain_db(self) -> float:
        """What brings it to the wanted loudness; 0 for silence, of which nothing is told or nan."""
        if not self._loudness > _SILENCE:
            return 0.0
        return min(_MOST, max(_LEAST, _WANTED - self._loudness))
