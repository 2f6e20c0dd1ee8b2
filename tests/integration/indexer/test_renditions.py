"""Of which titles renditions are wanted: by the policy of their root."""

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from indexer.settings import LibraryRoot
from testbed.servers.postgres import Database
from testbed.services.library import Library, library_of, made_by_ffmpeg

PLAYABLE, OTHER, CHANGED = "playable.mp4", "other.mkv", ("-c:v", "mpeg4")


@pytest.fixture
def library(database: Database) -> Iterator[Library]:
    with library_of(database) as library:
        library.put(PLAYABLE, made_by_ffmpeg("mp4", "-c:v", "libx264", "-pix_fmt", "yuv420p"))
        library.put(OTHER, made_by_ffmpeg("mkv"))
        yield library


def scan(library: Library, policy: Any) -> None:
    library.scan(library_roots=(LibraryRoot(path=str(library.root), renditions=policy),))


def wanted(library: Library) -> list[tuple[str, str, str]]:
    statement = "SELECT v.filename, j.kind, j.urgency FROM jobs j JOIN videos v ON v.id = j.video_id ORDER BY 1"
    return [row for row in library.query(statement) if row[1] == "rendition"]


def set_done(library: Library) -> None:
    with psycopg.connect(library.database.owner_url) as owner:
        owner.execute("UPDATE jobs SET state = 'done', ended_at = now()")


@pytest.mark.parametrize(("policy", "titles"), [("as_needed", [OTHER]), ("ladder", [OTHER, PLAYABLE]), ("none", [])])
def test_the_policy_says_of_which_titles_renditions_are_made(library: Library, policy: str, titles: list[str]) -> None:
    scan(library, policy)
    assert wanted(library) == [(title, "rendition", "backlog") for title in titles]
    set_done(library)
    scan(library, policy)
    assert len(wanted(library)) == len(titles), "nothing is made twice"


def test_another_policy_counts_for_the_titles_that_are_there(library: Library) -> None:
    scan(library, "none")
    scan(library, "ladder")
    assert [title for title, *_ in wanted(library)] == [OTHER, PLAYABLE]


def test_a_title_changes_with_its_policy_and_only_then(library: Library) -> None:
    """What is kept of its page says by the policy whether it can be watched while it is made."""
    scan(library, "none")
    before = library.row(OTHER)["changed_at"]
    scan(library, "none")
    assert library.row(OTHER)["changed_at"] == before
    scan(library, "as_needed")
    assert library.row(OTHER)["changed_at"] > before


def test_other_content_is_made_anew_and_a_touched_file_is_not(library: Library) -> None:
    scan(library, "as_needed")
    set_done(library)
    library.put(OTHER, made_by_ffmpeg("mkv"), age=3600)
    scan(library, "as_needed")
    assert len(wanted(library)) == 1
    library.put(OTHER, made_by_ffmpeg("mkv", *CHANGED))
    scan(library, "as_needed")
    assert len(wanted(library)) == 2


def test_a_title_that_has_renditions_gets_no_others(library: Library) -> None:
    scan(library, "none")
    video = library.row(OTHER)["id"]
    with psycopg.connect(library.database.owner_url) as owner:
        owner.execute("INSERT INTO published_files VALUES (%s, 'master.m3u8', 'x', 1)", (video,))
    scan(library, "as_needed")
    assert wanted(library) == []


def test_what_was_chosen_for_a_title_comes_before_its_root(library: Library) -> None:
    library.scan()
    library.owner("UPDATE videos SET renditions = 'none', renditions_chosen = 'none'", "DELETE FROM jobs")
    scan(library, "ladder")
    assert wanted(library) == []
    # Its root's again.
    library.owner("UPDATE videos SET renditions = NULL, renditions_chosen = NULL")
    scan(library, "ladder")
    assert [title for title, *_ in wanted(library)] == [OTHER, PLAYABLE]
