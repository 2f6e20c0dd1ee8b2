"""Pictures and subtitles of a library: what a scan asks for, what a worker makes of it, and what is left later."""

import re
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from catalog import roles
from catalog.contract import forms
from testbed import discs
from testbed.discs import Box
from testbed.services.library import Library, made_by_ffmpeg
from testbed.services.workers import work_off
from worker.settings import WorkerSettings

X264 = ("-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-g", "25")
CZECH = "1\n00:00:01,000 --> 00:00:02,000\nNevím, co mám dělat. Kde jsi byl celou noc?\n"
PICTURES = ["preview.mp4", "storyboard-1.jpg", "storyboard.vtt", "thumb-01.jpg"]


def film(number: int = 0, *options: str, seconds: float = 3) -> bytes:
    return made_by_ffmpeg("mkv", *X264, "-metadata", f"comment={number}", *options, seconds=seconds, size="160x90")


def srt(text: str) -> bytes:
    return f"1\n00:00:01,000 --> 00:00:02,000\n{text}\n".encode()


def work(library: Library, **options: Any) -> None:
    """As a worker does, until nothing is due."""
    values = {"database_url": library.database.url_for(roles.WORKER), "titles_dir": library.titles, "thumbnails": 1}
    work_off(WorkerSettings(job_kinds=("pictures", "text"), **values, **options))


def jobs(library: Library) -> list[tuple[str, str, str | None]]:
    """Kind, state and reason of these jobs, in order."""
    return [
        (kind, state, reason)
        for kind, state, reason in library.query(
            "SELECT kind, state, reason FROM jobs WHERE kind IN ('pictures', 'text') ORDER BY created_at, kind"
        )
    ]


def made(library: Library, name: str) -> list[str]:
    """The names of what workers publish of the title, without what manifests lead to (test_offered.py)."""
    led_to = re.compile(forms.OF_A_GENERATION)
    return [
        one
        for one in library.published(name)
        if not one.startswith(("source.", "poster.")) and not led_to.fullmatch(one)
    ]


def subtitles(library: Library, name: str) -> Sequence[tuple[Any, ...]]:
    return library.query(
        "SELECT name, language, title, is_forced, is_hearing_impaired, origin FROM subtitles WHERE video_id = %s"
        " ORDER BY position",
        library.row(name)["id"],
    )


def read(library: Library, name: str, file: str) -> str:
    path: Path = library.titles / library.row(name)["id"].hex / file
    return path.read_text(encoding="utf-8")


def test_a_new_title_gets_pictures_and_the_subtitles_beside_it(library: Library) -> None:
    library.put("films/Film.mkv", film())
    library.put("films/Film.cs.srt", CZECH.encode("cp1250"))
    library.put("films/Film.en.forced.srt", srt("<script>Signs</script>"))
    library.put("films/Film.en.vtt", b"WEBVTT\n\n00:01.000 --> 00:02.000\nHello\n")
    library.put("films/Film 2.en.srt", srt("Of another film"))
    library.scan()
    assert jobs(library) == [("pictures", "queued", None), ("text", "queued", None)]
    work(library)
    assert jobs(library) == [("pictures", "done", None), ("text", "done", None)]
    texts = ["sub-cs.vtt", "sub-en-forced.vtt", "sub-en.vtt"]
    assert made(library, "films/Film.mkv") == [*PICTURES[:3], *texts, PICTURES[3]]
    assert subtitles(library, "films/Film.mkv") == [
        ("sub-cs.vtt", "cs", None, False, False, "sidecar"),
        ("sub-en-forced.vtt", "en", None, True, False, "sidecar"),
        ("sub-en.vtt", "en", None, False, False, "sidecar"),
    ]
    assert "Nevím, co mám dělat. Kde jsi byl celou noc?" in read(library, "films/Film.mkv", "sub-cs.vtt")
    assert read(library, "films/Film.mkv", "sub-en-forced.vtt").endswith("\nSigns\n")
    assert (library.root / "films/Film.cs.srt").read_bytes() == CZECH.encode("cp1250")
    for name in library.published("films/Film.mkv"):
        assert re.fullmatch(forms.NAME, name), name
    home = library.titles / library.row("films/Film.mkv")["id"].hex
    ours = [name for name in library.published("films/Film.mkv") if not name.startswith(("source.", "poster."))]
    assert {(home / name).stat().st_mode & 0o777 for name in ours} == {0o640}
    library.scan()
    work(library)
    assert len(jobs(library)) == 2


def test_when_sidecars_change_the_text_is_made_anew_and_nothing_else(library: Library) -> None:
    library.put("Film.mkv", film())
    library.put("Film.en.srt", srt("First"))
    library.scan()
    work(library)
    for change, texts in (
        (lambda: library.put("Film.en.srt", srt("Second, longer")), ["sub-en.vtt"]),
        (lambda: library.put("Film.fr.srt", srt("Premier")), ["sub-en.vtt", "sub-fr.vtt"]),
        (lambda: library.rename("Film.en.srt", "Film.de.srt"), ["sub-de.vtt", "sub-fr.vtt"]),
        (lambda: (library.delete("Film.de.srt"), library.delete("Film.fr.srt")), []),
    ):
        before = len(jobs(library))
        change()
        assert library.scan().unchanged == 1
        assert [kind for kind, *_ in jobs(library)[before:]] == ["text"]
        work(library)
        assert [name for name in made(library, "Film.mkv") if name.startswith("sub-")] == texts
        assert [name for name, *_ in subtitles(library, "Film.mkv")] == texts
    assert all(state == "done" for _, state, _ in jobs(library))


def test_a_film_that_is_renamed_with_its_sidecars_keeps_what_it_has(library: Library) -> None:
    library.put("Film.mkv", film())
    library.put("Film.en.srt", srt("First"))
    library.scan()
    work(library)
    before = made(library, "Film.mkv")
    library.rename("Film.mkv", "new/Other name.mkv")
    library.rename("Film.en.srt", "new/Other name.en.srt")
    assert library.scan().moved == 1
    assert made(library, "new/Other name.mkv") == before
    assert len(jobs(library)) == 2
    library.rename("new/Other name.mkv", "Alone.mkv")
    library.scan()
    work(library)
    assert made(library, "Alone.mkv") == PICTURES


def test_new_content_gets_new_pictures_and_text(library: Library) -> None:
    library.put("Film.mkv", film(1))
    library.scan()
    work(library)
    old = read(library, "Film.mkv", "storyboard.vtt")
    library.put("Film.mkv", film(2, seconds=5))
    library.scan()
    assert made(library, "Film.mkv") == []
    work(library)
    assert made(library, "Film.mkv") == PICTURES
    assert read(library, "Film.mkv", "storyboard.vtt") != old
    assert [state for _, state, _ in jobs(library)] == ["done"] * 4


def test_a_job_for_content_that_is_gone_leaves_the_title_alone(library: Library) -> None:
    library.put("Film.mkv", film(1))
    library.scan()
    library.put("Film.mkv", film(2, seconds=5))
    library.scan()
    assert len(jobs(library)) == 4
    work(library)
    assert [state for _, state, _ in jobs(library)] == ["done"] * 4
    assert "--> 00:00:05.0" in read(library, "Film.mkv", "storyboard.vtt")


def test_titles_of_before_the_upgrade_are_asked_for_once(library: Library) -> None:
    for number in range(3):
        library.put(f"{number}.mkv", film(number))
    library.scan()
    library.owner("DELETE FROM jobs", "UPDATE videos SET sidecars = NULL")
    assert library.scan().unchanged == 3
    assert sorted(kind for kind, *_ in jobs(library)) == ["pictures"] * 3 + ["text"] * 3
    library.owner("DELETE FROM jobs")
    library.scan()
    assert jobs(library) == []


def test_a_lost_tree_is_made_anew(library: Library) -> None:
    library.put("Film.mkv", film())
    library.put("Film.en.srt", srt("First"))
    library.scan()
    work(library)
    before = made(library, "Film.mkv")
    home = library.titles / library.row("Film.mkv")["id"].hex
    for file in home.iterdir():
        file.unlink()
    home.rmdir()
    library.scan()
    work(library)
    assert made(library, "Film.mkv") == before


def test_what_can_not_be_read_fails_with_its_reason_and_is_not_tried_again(library: Library) -> None:
    library.put("Film.mkv", film())
    library.put("Film.en.srt", srt("Good"))
    library.put("Film.fr.srt", b"\x7fELF" + bytes(500))
    library.put("Film.de.srt", srt("x" * 5000))
    library.scan()
    work(library, subtitle_bytes=4096)
    ((_, state, reason),) = [job for job in jobs(library) if job[0] == "text"]
    assert state == "failed"
    assert reason == (
        "Film.de.srt is larger than subtitles may be (4,096 bytes). Film.fr.srt holds no subtitles that can be read."
    )
    assert [name for name, *_ in subtitles(library, "Film.mkv")] == ["sub-en.vtt"]
    library.scan()
    work(library)
    assert len(jobs(library)) == 2


def test_a_film_without_readable_pictures_says_so_once(library: Library, monkeypatch: pytest.MonkeyPatch) -> None:
    content = film()
    library.put("Film.mkv", content)
    library.scan()
    # The disk gives other bytes than at the scan, and tells nothing of it: size and time are as they were.
    start = content.index(b"\x1f\x43\xb6\x75") + 32
    library.put("Film.mkv", content[:start] + bytes(len(content) - start))
    work(library)
    ((_, state, reason),) = [job for job in jobs(library) if job[0] == "pictures"]
    assert state == "failed"
    assert reason is not None
    assert re.fullmatch(
        r"Storyboard and thumbnails could not be made: .+[.] The preview could not be made: .+[.]", reason
    )
    assert made(library, "Film.mkv") == []
    assert not list(library.titles.glob(".job-*"))


def test_a_link_beside_a_film_is_no_subtitle(library: Library) -> None:
    secret = library.folder / "secret.srt"
    secret.write_bytes(srt("Secret"))
    library.put("Film.mkv", film())
    (library.root / "Film.en.srt").symlink_to(secret)
    library.scan()
    work(library)
    assert [name for name in made(library, "Film.mkv") if name.startswith("sub-")] == []


def test_what_is_within_and_what_is_beside_are_told_apart(library: Library) -> None:
    plain, within, whole = (library.folder / name for name in ("plain.mkv", "within.srt", "whole.mkv"))
    plain.write_bytes(film())
    within.write_bytes(srt("Within"))
    inputs = ["-i", plain, "-i", within, "-map", "0:v", "-map", "1", "-c", "copy"]
    subprocess.run(["ffmpeg", "-v", "error", *inputs, "-metadata:s:s", "language=eng", whole], check=True)
    library.put("Film.mkv", whole.read_bytes())
    library.put("Film.en.srt", srt("Beside"))
    library.scan()
    work(library)
    assert [(name, origin) for name, *_, origin in subtitles(library, "Film.mkv")] == [
        ("sub-en.vtt", "embedded"),
        ("sub-en-2.vtt", "sidecar"),
    ]
    assert "Within" in read(library, "Film.mkv", "sub-en.vtt")
    assert "Beside" in read(library, "Film.mkv", "sub-en-2.vtt")


def test_subtitles_that_are_pictures_are_published_after_the_text(library: Library) -> None:
    folder = library.folder
    (folder / "within.sup").write_bytes(discs.sup([Box(1, 2, 600, 900, 720, 90)]))
    (folder / "within.txt").write_bytes(srt("Within"))
    tracks = [(folder / "within.sup", "copy", "eng"), (folder / "within.txt", "copy", "eng")]
    tracks += [(folder / "within.sup", "copy", "eng")]
    picture = "color=black:size=64x36:rate=5:duration=3"
    discs.film(folder / "whole.mkv", tracks, picture=picture, codec="mpeg4")
    library.put("Film.mkv", (folder / "whole.mkv").read_bytes())
    library.scan()
    work(library)
    assert [name for name, *_ in subtitles(library, "Film.mkv")] == ["sub-en.vtt", "sub-en.sup", "sub-en-2.sup"]
    published = library.titles / library.row("Film.mkv")["id"].hex / "sub-en.sup"
    assert published.read_bytes()[:2] == b"PG"
