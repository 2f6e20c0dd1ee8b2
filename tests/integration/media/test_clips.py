"""A clip is drawn once for the same options, and anew where a file decides what it is."""

from pathlib import Path

import pytest

from testbed import clips

PICTURE = ("-f", "lavfi", "-i", "color=red:size=16x16:rate=5:duration=1")


@pytest.fixture
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(clips, "KEPT", tmp_path / "kept")
    return tmp_path / "kept"


def test_the_same_options_are_drawn_once(kept: Path) -> None:
    first = clips.drawn("mkv", *PICTURE)
    (file,) = kept.iterdir()
    assert file.read_bytes() == first
    file.write_bytes(b"what is kept")
    assert clips.drawn("mkv", *PICTURE) == b"what is kept"
    assert clips.drawn("mkv", *PICTURE, "-metadata", "comment=2") != b"what is kept"
    assert clips.drawn("mp4", *PICTURE) != b"what is kept"


def test_what_is_made_of_a_file_is_made_anew(kept: Path, tmp_path: Path) -> None:
    text = tmp_path / "words.srt"
    made = set()
    for words in ("One", "Two"):
        text.write_text(f"1\n00:00:00,000 --> 00:00:01,000\n{words}\n")
        made.add(clips.drawn("mkv", *PICTURE, "-i", str(text), "-map", "0", "-map", "1"))
    assert len(made) == 2
    assert not list(kept.iterdir())
