"""Subtitles of films as they turn up in libraries. Real ffmpeg in its sandbox; the films are made by ffmpeg."""

import os
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from media.asking import Asking, parsed
from media.child import Outcome
from media.cues import as_vtt
from media.faults import Fault
from media.making import Making
from media.sandbox import Sandbox
from media.settings import MediaSettings
from media.shown import Subject
from media.sniff import Container, sniff
from media.subtitle_tracks import text_tracks
from media.subtitles import Subtitle, attached_fonts, extract, fonts_in, stems

SCRIPT = r"""[Script Info]
ScriptType: v4.00+
[V4+ Styles]
Format: Name, Fontname, Fontsize, PrimaryColour, SecondaryColour, OutlineColour, BackColour, Bold, Italic, Underline
Style: Default,Arial,16,&Hffffff,&Hffffff,&H0,&H0,0,0,0
[Events]
Format: Layer, Start, End, Style, Name, MarginL, MarginR, MarginV, Effect, Text
Dialogue: 0,0:00:01.00,0:00:02.00,Default,,0,0,0,,{\i1}Sign{\i0}\Nand more
"""
FONT = b"\0\1\0\0" + bytes(2000)


@pytest.fixture(scope="module")
def sandbox() -> Sandbox:
    return Sandbox.of_system(2 << 30)


def srt(*said: str) -> str:
    return "\n".join(f"{at}\n00:00:0{at},000 --> 00:00:0{at},900\n{text}\n" for at, text in enumerate(said, 1))


def film(suffix: str, tracks: Sequence[tuple[bytes, str]], *options: str, attach: Sequence[bytes] = ()) -> bytes:
    """A film of 5 s with these subtitle tracks (content, suffix); each attachment has a hostile name."""
    with tempfile.TemporaryDirectory() as folder:
        inputs = ["-f", "lavfi", "-i", "testsrc2=size=64x36:rate=25:duration=5"]
        maps = ["-map", "0:v"]
        more: list[str] = []
        for number, (content, kind) in enumerate(tracks, 1):
            Path(folder, f"{number}.{kind}").write_bytes(content)
            inputs += ["-i", f"{folder}/{number}.{kind}"]
            maps += ["-map", str(number)]
        for number, content in enumerate(attach):
            Path(folder, f"{number}.bin").write_bytes(content)
            more += ["-attach", f"{folder}/{number}.bin", f"-metadata:s:t:{number}", "mimetype=font/ttf"]
            more += [f"-metadata:s:t:{number}", "filename=../../../../tmp/escaped.ttf"]
        encoders = ["-c:v", "libx264", "-preset", "ultrafast", "-c:s", "mov_text" if suffix == "mp4" else "copy"]
        out = f"{folder}/out.{suffix}"
        subprocess.run(["ffmpeg", "-v", "error", *inputs, *maps, *encoders, *more, *options, out], check=True)
        return Path(out).read_bytes()


@contextmanager
def opened(sandbox: Sandbox, folder: Path, content: bytes, name: str, **settings: Any) -> Iterator[Making]:
    folder.chmod(0o755)
    made = folder / "made"
    made.mkdir()
    (folder / name).write_bytes(content)
    container = sniff(content[:4096], name.encode())
    assert isinstance(container, Container)
    subject = Subject(5, 64, 36, 0, is_hdr=False)
    descriptor = os.open(folder / name, os.O_RDONLY)
    told: list[float] = []
    try:
        yield Making(sandbox, MediaSettings(**settings), descriptor, container, subject, made, 60, 4 << 30, told.append)
    finally:
        os.close(descriptor)


def report_of(making: Making) -> dict[str, Any]:
    asked = Asking(making.sandbox, making.settings, making.descriptor, making.container).report(None)
    assert isinstance(asked, Outcome)
    return parsed(asked) or {}


def extracted(making: Making) -> list[Subtitle]:
    report = report_of(making)
    tracks = text_tracks(report, making.settings.subtitle_tracks)
    found = extract(making, tracks, attached_fonts(report, making.settings))
    assert not isinstance(found, Fault), found
    return found


def said(subtitle: Subtitle) -> list[str]:
    return [cue.text for cue in subtitle.cues]


def test_forty_tracks_are_taken_out_in_one_reading(
    sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs: list[Sequence[str]] = []
    make = Sandbox.make

    def noted(self: Sandbox, command: Sequence[str], *arguments: Any, **options: Any) -> Any:
        runs.append(command)
        return make(self, command, *arguments, **options)

    monkeypatch.setattr(Sandbox, "make", noted)
    tracks = [(srt(f"Track {number}").encode(), "srt") for number in range(40)]
    with opened(sandbox, tmp_path, film("mkv", tracks), "film.mkv") as one:
        found = extracted(one)
    assert [said(subtitle) for subtitle in found] == [[f"Track {number}"] for number in range(40)]
    assert len(runs) == 1


def test_tracks_of_one_language_get_names_of_their_own(sandbox: Sandbox, tmp_path: Path) -> None:
    tracks = [(srt(f"Track {number}").encode(), "srt") for number in range(7)]
    options: list[str] = []
    tags = [("eng", ""), ("eng", "Signs"), ("eng", "English SDH"), ("ger", ""), ("ger", ""), ("", ""), ("fil", "")]
    for number, (language, title) in enumerate(tags):
        options += [f"-metadata:s:s:{number}", f"language={language}", f"-metadata:s:s:{number}", f"title={title}"]
    options += ["-disposition:s:1", "forced", "-disposition:s:3", "default", "-disposition:s:4", "hearing_impaired"]
    with opened(sandbox, tmp_path, film("mkv", tracks, *options), "film.mkv") as one:
        found = [subtitle.described for subtitle in extracted(one)]
    assert stems(found) == [
        "sub-en", "sub-en-forced", "sub-en-sdh", "sub-de", "sub-de-sdh", "sub-und", "sub-fil",
    ]  # fmt: skip
    assert (found[1].title, found[1].is_forced, found[3].is_default) == ("Signs", True, True)
    assert stems([found[0]] * 3) == ["sub-en", "sub-en-2", "sub-en-3"]


@pytest.mark.parametrize(
    ("suffix", "content", "kind"),
    [
        ("mp4", srt("<i>Grüße</i>", "Two").encode(), "srt"),
        ("mkv", srt("<i>Grüße</i>", "Two").encode(), "srt"),
        (
            "mkv",
            "WEBVTT\n\n00:01.000 --> 00:02.000\n<i>Grüße</i>\n\n00:02.000 --> 00:03.000\nTwo\n".encode(),
            "vtt",
        ),
    ],
)
def test_text_of_each_kind_becomes_cues(
    sandbox: Sandbox, tmp_path: Path, suffix: str, content: bytes, kind: str
) -> None:
    with opened(sandbox, tmp_path, film(suffix, [(content, kind)]), f"film.{suffix}") as one:
        (found,) = extracted(one)
    assert said(found) == ["<i>Grüße</i>", "Two"]
    assert as_vtt(found.cues).startswith("WEBVTT\n\n00:00:01.000 --> 00:00:0")


def test_a_track_in_an_old_code_page_is_read_all_the_same(sandbox: Sandbox, tmp_path: Path) -> None:
    czech = srt("Příliš žluťoučký kůň", "Nevím, co mám dělat", "Kde jsi byl celou noc?")
    raw = film("mkv", [(("\ufeff" + czech).encode(), "srt")], "-metadata:s:s:0", "language=cze")
    # A muxer that copies bytes: lines of the same length in the other encoding.
    for line in ("Příliš žluťoučký kůň", "Nevím, co mám dělat"):
        old = line.encode("cp1250")
        assert raw.count(line.encode()) == 1
        raw = raw.replace(line.encode(), old + b" " * (len(line.encode()) - len(old)))
    with opened(sandbox, tmp_path, raw, "film.mkv") as one:
        (found,) = extracted(one)
    assert said(found) == ["Příliš žluťoučký kůň", "Nevím, co mám dělat", "Kde jsi byl celou noc?"]


def test_a_script_is_kept_with_its_fonts_under_names_of_ours(sandbox: Sandbox, tmp_path: Path) -> None:
    attached = [FONT, b"MZ" + bytes(500), b"OTTO" + bytes(99)]
    content = film("mkv", [(SCRIPT.encode(), "ass")], attach=attached)
    with opened(sandbox, tmp_path, content, "film.mkv") as one:
        (found,) = extracted(one)
        fonts = fonts_in(one.folder)
        assert said(found) == ["<i>Sign</i>\nand more"]
        assert found.script is not None
        assert r"{\i1}Sign{\i0}\Nand more" in found.script
        assert [font.name for font in fonts] == ["font-1.ttf", "font-2.otf"]
        assert fonts[0].read_bytes() == FONT
        assert {path.parent for path in fonts} == {one.folder}


def test_fonts_are_bounded_in_number_and_size(sandbox: Sandbox, tmp_path: Path) -> None:
    content = film("mkv", [(SCRIPT.encode(), "ass")], attach=[FONT, FONT * 2, FONT])
    with opened(sandbox, tmp_path, content, "film.mkv", fonts=2, font_bytes=3000) as one:
        assert len(attached_fonts(report_of(one), one.settings)) == 2
        extracted(one)
        assert [font.name for font in fonts_in(one.folder)] == ["font-1.ttf", "font-2.ttf"]


def test_an_endless_track_is_cut_and_the_others_stay(sandbox: Sandbox, tmp_path: Path) -> None:
    long = "\n".join(
        f"{at}\n00:00:0{at % 5},{at % 1000:03} --> 00:00:0{at % 5 + 1},{at % 1000:03}\n{'x' * 500}\n"
        for at in range(2000)
    )
    content = film("mkv", [(long.encode(), "srt"), (srt("Short").encode(), "srt")])
    with opened(sandbox, tmp_path, content, "film.mkv", subtitle_bytes=100_000, subtitle_cues=50) as one:
        endless, short = extracted(one)
    assert len(endless.cues) == 50
    assert said(short) == ["Short"]
