"""Roots that are dead or silent, and links in them: told, and never in the way of the rest."""

import os
import threading

import psycopg
import pytest

from indexer.settings import LibraryRoot
from testbed.services.library import Library, clip


def test_linked_files_and_folders_are_counted_and_named_with_the_reason_and_the_setting(library: Library) -> None:
    elsewhere = library.folder / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "film.mp4").write_bytes(clip())
    library.put("films/own.mp4", clip(1))
    (library.root / "films/linked.mp4").symlink_to(elsewhere / "film.mp4")
    (library.root / "series").symlink_to(elsewhere)
    (library.root / "dangling.mkv").symlink_to("/nonexistent")
    (library.root / "films/own.srt").symlink_to(elsewhere / "own.srt")
    (library.root / ".hidden").symlink_to(elsewhere)
    summary = library.scan()
    assert (summary.seen, summary.ready, summary.linked) == (1, 1, 3)
    names = [f"{library.root}/{name}" for name in ("dangling.mkv", "films/linked.mp4", "series")]
    assert summary.linked_names == names
    (told,) = [line for line in library.said.splitlines() if "link" in line and line.startswith("WARNING")]
    assert all(name in told for name in names)
    assert "library_roots" in told
    ((stored,),) = library.query("SELECT summary FROM scans")
    assert (stored["linked"], stored["linked_names"]) == (3, names)


def test_a_library_full_of_links_names_the_first_of_them(library: Library) -> None:
    for number in range(150):
        (library.root / f"{number:03}.mp4").symlink_to("/nonexistent")
    summary = library.scan()
    assert summary.linked == 150
    assert summary.linked_names == [f"{library.root}/{number:03}.mp4" for number in range(100)]
    assert len(library.said.splitlines()[1]) < 2000


def two_roots(library: Library, other: str) -> tuple[LibraryRoot, ...]:
    return LibraryRoot(path=other), LibraryRoot(path=str(library.root))


def test_a_dead_root_is_told_and_the_other_is_scanned(library: Library) -> None:
    library.put("a.mp4", clip())
    other = str(library.folder / "gone")
    summary = library.scan(library_roots=two_roots(library, other))
    assert (summary.ready, summary.unreachable_roots) == (1, [other])
    assert f"{other} can't be listed" in library.said


def test_a_root_that_never_answers_is_told_and_the_other_is_scanned(
    library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An automount whose server is away: the first look at it does not come back."""
    other = library.folder / "silent"
    other.mkdir()
    (other / "b.mp4").write_bytes(clip(1))
    os.utime(other / "b.mp4", (1_600_000_000, 1_600_000_000))
    library.put("a.mp4", clip())
    roots = two_roots(library, str(other))
    assert library.scan(library_roots=roots).ready == 2
    library.put("new.mp4", clip(2))
    answers, stat = threading.Event(), os.stat

    def wait(path: object, **options: object) -> os.stat_result:
        if path == os.fsencode(other):
            answers.wait()
        return stat(path, **options)  # type: ignore[call-overload, no-any-return]

    with monkeypatch.context() as patch:
        patch.setattr(os, "stat", wait)
        try:
            summary = library.scan(library_roots=roots, root_silence_seconds=1)
        finally:
            answers.set()
    assert (summary.ready, summary.removed, summary.unreachable_roots) == (3, 0, [str(other)])
    assert f"{other} has not answered for 1 seconds" in library.said
    assert library.scan(library_roots=roots).unchanged == 3


def test_a_title_that_came_while_the_scan_looked_elsewhere_is_not_hidden(library: Library) -> None:
    """An upload lands in a folder that was listed before: its row is younger than the scan, its file was not seen."""
    library.put("here.mp4", clip())
    library.scan()
    copied = (
        "library_root, path, fingerprint, size_bytes, mtime_ns, filename, title, status, container, duration_seconds"
    )
    given = copied.replace("path,", "'later.mp4'::bytea,")
    with psycopg.connect(library.database.owner_url) as owner:
        owner.execute(f"INSERT INTO videos (added_at, {copied}) SELECT now() + interval '1 hour', {given} FROM videos")
    library.scan()
    assert library.row("later.mp4")["removed_at"] is None
    with psycopg.connect(library.database.owner_url) as owner:
        owner.execute("UPDATE videos SET added_at = now() - interval '1 hour'")
    library.scan()
    assert library.rows("path = %s AND removed_at IS NOT NULL", b"later.mp4")
