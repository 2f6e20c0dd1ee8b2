"""What every current browser plays as it is: what the indexer goes by, and what people are told about the rest."""

from collections.abc import Mapping
from typing import Final

# Container -> codecs of the picture, and of the sound, by ffprobe's names.
PLAYED_EVERYWHERE: Final[Mapping[str, tuple[frozenset[str], frozenset[str]]]] = {
    **dict.fromkeys(("mp4", "m4v", "mov"), (frozenset({"h264"}), frozenset({"aac", "mp3"}))),
    "webm": (frozenset({"vp8", "vp9", "av1"}), frozenset({"opus", "vorbis"})),
}
