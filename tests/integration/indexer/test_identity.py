"""What a title is through moves, copies, replacements and losses. Real PostgreSQL, ffprobe and sandbox."""

import os
import shutil
import subprocess
import sys
import time

import pytest

from indexer.titles import UMASK
from media.faults import Fault
from testbed.services.library import LONG_AGO, Library, clip


def test_a_new_file_becomes_a_ready_title_with_source_and_poster(library: Library) -> None:
    path = library.put("films/The_Great Escape.mp4", clip())
    summary = library.scan()
    row = library.row("films/The_Great Escape.mp4")
    assert (row["status"], row["container"], row["title"]) == ("ready", "mp4", "The_Great Escape")
    assert library.published("films/The_Great Escape.mp4") == ["poster.jpg", "source.mp4"]
    assert library.source("films/The_Great Escape.mp4") == path
    assert (summary.added, summary.ready, summary.pictures) == (1, 1, 1)


def test_a_second_scan_writes_no_row(library: Library) -> None:
    library.put("a.mp4", clip())
    library.put("empty.mp4", b"")
    library.scan()
    before = library.query("SELECT id, xmin::text, ctid::text FROM videos ORDER BY id")
    summary = library.scan()
    assert library.query("SELECT id, xmin::text, ctid::text FROM videos ORDER BY id") == before
    assert (summary.seen, summary.unchanged) == (2, 2)


def test_a_moved_file_keeps_its_id_and_its_link_follows(library: Library) -> None:
    library.put("a.mp4", clip())
    library.scan()
    known = library.row("a.mp4")
    library.rename("a.mp4", "deep/er/Other Name.mp4")
    summary = library.scan()
    row = library.row("deep/er/Other Name.mp4")
    assert (row["id"], row["title"], row["pictured_at"]) == (known["id"], "Other Name", known["pictured_at"])
    assert library.source("deep/er/Other Name.mp4").endswith(b"/deep/er/Other Name.mp4")
    assert (summary.moved, summary.added, summary.removed, len(library.rows())) == (1, 0, 0, 1)


def test_an_edited_title_survives_a_move(library: Library) -> None:
    library.put("a.mp4", clip())
    library.scan()
    library.query("UPDATE videos SET title = 'Mine' RETURNING 1")
    library.rename("a.mp4", "b.mp4")
    library.scan()
    assert library.row("b.mp4")["title"] == "Mine"


def test_a_move_to_another_disk_with_a_new_time_keeps_the_id(library: Library) -> None:
    library.put("a.mp4", clip())
    library.scan()
    known = library.row("a.mp4")["id"]
    library.delete("a.mp4")
    library.put("b.mp4", clip(), age=100)
    library.scan()
    assert library.row("b.mp4")["id"] == known


def test_a_copy_is_a_title_of_its_own(library: Library) -> None:
    library.put("a.mp4", clip())
    library.scan()
    known = library.row("a.mp4")["id"]
    library.put("b.mp4", clip())
    library.scan()
    assert library.row("a.mp4")["id"] == known
    assert library.row("b.mp4")["id"] != known
    assert library.published("b.mp4") == ["poster.jpg", "source.mp4"]


def test_replaced_content_keeps_the_id_and_is_probed_again(library: Library) -> None:
    library.put("a.mp4", clip(0))
    library.scan()
    known = library.row("a.mp4")
    library.put("a.mp4", clip(1), age=100)
    summary = library.scan()
    row = library.row("a.mp4")
    assert row["id"] == known["id"]
    assert row["container_tags"]["comment"] == "1"
    assert row["fingerprint"] != known["fingerprint"]
    assert row["pictured_at"] > known["pictured_at"]
    assert (summary.changed, summary.added) == (1, 0)


def test_the_poster_of_replaced_content_is_gone_even_when_there_is_no_new_one(
    library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    library.put("a.mp4", clip(0))
    library.scan()
    library.put("a.mp4", clip(1), age=100)
    monkeypatch.setattr("indexer.examine.make_poster", lambda *_, **__: Fault("No picture could be made."))
    assert library.scan().pictures == 0
    assert library.published("a.mp4") == ["source.mp4"]
    assert library.row("a.mp4")["status"] == "ready"
    assert "no poster" in library.said
    assert "no poster" not in (library.scan(), library.said)[1], "it is not tried again"


def test_renumbered_episodes_keep_their_history(library: Library) -> None:
    for number in (1, 2, 3):
        library.put(f"e{number}.mp4", clip(number), age=number * 1000)
    library.scan()
    known = {number: library.row(f"e{number}.mp4")["id"] for number in (1, 2, 3)}
    for number in (3, 2, 1):
        library.rename(f"e{number}.mp4", f"e{number + 1}.mp4")
    summary = library.scan()
    assert {number: library.row(f"e{number + 1}.mp4")["id"] for number in (1, 2, 3)} == known
    assert (summary.moved, summary.removed, len(library.rows())) == (3, 0, 3)
    assert library.source("e3.mp4").endswith(b"/e3.mp4")


def test_swapped_names_swap_the_titles(library: Library) -> None:
    library.put("a.mp4", clip(1))
    path = library.put("b.mp4", clip(2))
    os.utime(path, (LONG_AGO + 1, LONG_AGO + 1))
    library.scan()
    a, b = library.row("a.mp4")["id"], library.row("b.mp4")["id"]
    library.rename("a.mp4", "t.mp4")
    library.rename("b.mp4", "a.mp4")
    library.rename("t.mp4", "b.mp4")
    library.scan()
    assert (library.row("a.mp4")["id"], library.row("b.mp4")["id"]) == (b, a)


def test_a_title_that_moves_over_another_one_takes_its_place(library: Library) -> None:
    library.put("old.mp4", clip(1))
    library.put("new.mp4", clip(2), age=100)
    library.scan()
    mover, overwritten = library.row("new.mp4")["id"], library.row("old.mp4")["id"]
    library.rename("new.mp4", "old.mp4")
    library.scan()
    assert library.row("old.mp4")["id"] == mover
    (gone,) = library.rows("removed_at IS NOT NULL")
    assert gone["id"] == overwritten
    assert not list((library.titles / overwritten.hex).glob("source.*"))


def test_a_removed_file_is_hidden_and_comes_back_as_itself(library: Library) -> None:
    path = library.put("a.mp4", clip())
    library.scan()
    known = library.row("a.mp4")["id"]
    aside = library.folder / "aside.mp4"
    shutil.move(path, aside)
    assert library.scan().removed == 1
    (hidden,) = library.rows()
    assert hidden["removed_at"] is not None
    assert os.listdir(library.titles / known.hex) == ["poster.jpg"]
    shutil.move(aside, path)
    assert library.scan().returned == 1
    assert library.row("a.mp4")["id"] == known
    assert library.published("a.mp4") == ["poster.jpg", "source.mp4"]


def test_a_long_removed_title_is_purged_with_its_files(library: Library) -> None:
    library.put("a.mp4", clip())
    library.scan()
    known = library.row("a.mp4")["id"]
    library.delete("a.mp4")
    library.scan()
    library.query("UPDATE videos SET removed_at = now() - interval '29 days' RETURNING 1")
    assert library.scan().purged == 0
    library.query("UPDATE videos SET removed_at = now() - interval '31 days' RETURNING 1")
    assert library.scan().purged == 1
    assert library.rows() == []
    assert not (library.titles / known.hex).exists()


def test_a_missing_root_hides_nothing(library: Library) -> None:
    library.put("a.mp4", clip())
    library.scan()
    library.root.rename(library.folder / "unplugged")
    summary = library.scan()
    assert library.row("a.mp4")["status"] == "ready"
    assert summary.unreachable_roots == [str(library.root)]
    assert library.query("SELECT summary -> 'unreachable_roots' FROM scans ORDER BY id DESC LIMIT 1") == [
        ([str(library.root)],)
    ]
    (library.folder / "unplugged").rename(library.root)
    assert library.scan().unchanged == 1


def test_a_root_that_lost_a_third_of_its_files_hides_nothing_until_accepted(library: Library) -> None:
    for number in range(9):
        library.put(f"{number}.mp4", b"no video")
    library.scan()
    for number in range(3):
        library.delete(f"{number}.mp4")
    summary = library.scan()
    assert (summary.removed, summary.unreachable_roots) == (0, [str(library.root)])
    assert "lost 3 of 9 files" in library.said
    assert "kinetoscope scan --accept-removals" in library.said
    assert len(library.rows("removed_at IS NULL")) == 9
    summary = library.scan(accept_removals=True)
    assert (summary.removed, summary.unreachable_roots) == (3, [])


def test_root_accepts_removals_for_one_scan_by_a_file_that_is_new(library: Library) -> None:
    """As `kinetoscope scan --accept-removals` does; left behind, it says nothing to the scans of tomorrow."""
    said = library.folder / "accepted"
    environment = library.environment(KINETOSCOPE_REMOVALS_ACCEPTED_FILE=str(said))

    def scan() -> int:
        command = [sys.executable, "-m", "indexer.cli", "scan"]
        return subprocess.run(command, env=environment, capture_output=True, check=False).returncode

    for number in range(9):
        library.put(f"{number}.mp4", b"no video")
    assert scan() == 0
    for number in range(3):
        library.delete(f"{number}.mp4")
    assert scan() == 3
    said.touch()
    os.utime(said, (time.time() - 61, time.time() - 61))
    assert scan() == 3
    said.touch()
    assert scan() == 0
    assert len(library.rows("removed_at IS NULL")) == 6


def test_a_root_on_another_device_with_files_missing_hides_nothing(library: Library) -> None:
    library.put("a.mp4", clip())
    library.scan()
    library.query(
        "UPDATE scans SET summary = jsonb_set(summary, '{devices}', jsonb_build_object(%s::text, 1)) RETURNING 1",
        str(library.root),
    )
    library.delete("a.mp4")
    for _ in range(2):  # the device of doubt is not remembered as the right one
        assert library.scan().unreachable_roots == [str(library.root)]
        assert "another device" in library.said
    assert library.row("a.mp4")["status"] == "ready"
    assert library.scan(accept_removals=True).removed == 1


def test_a_root_taken_out_of_the_settings_hides_nothing_by_itself(library: Library) -> None:
    for number in range(3):
        library.put(f"{number}.mp4", b"no video")
    library.scan()
    other = library.folder / "other"
    other.mkdir()
    roots = ({"path": str(other)},)
    assert library.scan(library_roots=roots).unreachable_roots == [str(library.root)]
    assert len(library.rows("removed_at IS NULL")) == 3


def test_a_root_that_moved_takes_its_titles_along(library: Library) -> None:
    library.put("0.mp4", clip())
    for number in (1, 2):
        library.put(f"{number}.mp4", b"no video %d" % number)
    library.scan()
    known = {row["id"] for row in library.rows()}
    other = library.folder / "other"
    library.root.rename(other)
    summary = library.scan(library_roots=({"path": str(other)},))
    assert (summary.moved, summary.unreachable_roots) == (3, [])
    assert {row["id"] for row in library.rows("library_root = %s AND removed_at IS NULL", str(other))} == known


def test_a_lost_published_tree_is_built_anew(library: Library) -> None:
    library.put("a.mp4", clip())
    library.scan()
    known = library.row("a.mp4")["id"]
    shutil.rmtree(library.titles / known.hex)
    library.scan()
    assert library.published("a.mp4") == ["poster.jpg", "source.mp4"]


def test_a_folder_without_a_title_is_swept_but_not_when_the_database_is_another_one(library: Library) -> None:
    library.put("a.mp4", clip())
    library.scan()
    strangers = [library.titles / f"{number:032x}" for number in range(3)]
    (library.titles / ".new-x").mkdir()
    strangers[0].mkdir()
    library.scan()
    assert [entry.name for entry in library.titles.iterdir()] == [library.row("a.mp4")["id"].hex]
    for stranger in strangers:
        stranger.mkdir()
    library.scan()
    assert all(stranger.exists() for stranger in strangers)
    assert "right database" in library.said


def test_files_are_readable_by_the_group_and_closed_to_others(library: Library) -> None:
    library.put("a.mp4", clip())
    os.umask(UMASK)
    library.scan()
    home = library.titles / library.row("a.mp4")["id"].hex
    assert home.stat().st_mode & 0o7777 == 0o2750
    assert (home / "poster.jpg").stat().st_mode & 0o777 == 0o640
