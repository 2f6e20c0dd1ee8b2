"""A film that no browser shows as it is, with all that is made of one: sizes, sounds, subtitles, chapters, pictures."""

import secrets
import subprocess
import tempfile
from pathlib import Path
from typing import Any

from testbed.browser.box import Program
from testbed.waiting import eventually

SECONDS = 60
SIZE = (854, 480)
HEIGHTS = (360, 480)
# By language, the pitch of each sound.
SOUNDS = {"eng": 440, "deu": 880}
SUBTITLES = {"eng": "Spoken in English", "deu": "Auf Deutsch gesagt"}
CHAPTERS = {"The arrival": (0, 30), "The farewell": (30, SECONDS)}
# On a machine that is busy with other things, too.
MADE_WITHIN_SECONDS = 180


def film(path: Path) -> None:
    """MPEG-4 part 2, which every browser refuses; always a new title."""
    with tempfile.TemporaryDirectory() as at:
        folder = Path(at)
        texts = [_subtitles(folder / f"{language}.srt", words) for language, words in SUBTITLES.items()]
        inputs = [
            *("-f", "lavfi", "-t", str(SECONDS), "-i", f"testsrc2=size={SIZE[0]}x{SIZE[1]}:rate=10"),
            *(word for pitch in SOUNDS.values() for word in ("-f", "lavfi", "-t", str(SECONDS), "-i", f"sine={pitch}")),
            *(word for text in texts for word in ("-i", str(text))),
            *("-i", str(_chapters(folder / "chapters.txt"))),
        ]
        tracks = [word for number in range(1 + len(SOUNDS) + len(SUBTITLES)) for word in ("-map", str(number))]
        for kind, languages in (("a", SOUNDS), ("s", SUBTITLES)):
            for number, language in enumerate(languages):
                tracks += [f"-metadata:s:{kind}:{number}", f"language={language}"]
        codecs = ("-c:v", "mpeg4", "-c:a", "aac", "-c:s", "mov_text")
        tracks += [
            "-map_chapters",
            str(1 + len(SOUNDS) + len(SUBTITLES)),
            "-metadata",
            f"comment={secrets.token_hex(8)}",
        ]
        subprocess.run(["ffmpeg", "-v", "error", "-nostdin", *inputs, *tracks, *codecs, str(path)], check=True)
    path.chmod(0o644)


def made(program: Program, video: str) -> dict[str, Any]:
    """The title, once everything is made of it."""

    def whole() -> Any:
        found = program.call("GET", f"/videos/{video}")
        names = {file["name"] for file in found["files"]}
        return found if not found["making"] and {"master.m3u8", "manifest.mpd"} <= names else None

    found: dict[str, Any] | None = eventually(whole, within=MADE_WITHIN_SECONDS, every=0.5)
    assert found, program.call("GET", "/jobs")
    return found


def _subtitles(path: Path, words: str) -> Path:
    path.write_text(f"1\n00:00:00,000 --> 00:00:{SECONDS - 1},500\n{words}\n")
    return path


def _chapters(path: Path) -> Path:
    path.write_text(
        ";FFMETADATA1\n"
        + "".join(f"[CHAPTER]\nTIMEBASE=1/1\nSTART={a}\nEND={z}\ntitle={name}\n" for name, (a, z) in CHAPTERS.items())
    )
    return path
