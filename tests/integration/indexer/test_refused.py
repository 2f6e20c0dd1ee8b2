"""What the catalog refuses costs one file, never the scan. The refusals are PostgreSQL's own."""

import os

import psycopg
import pytest

from testbed.services.library import Library, clip, made_by_ffmpeg

# Nanoseconds since 1970 that a bigint holds end in April 2262.
YEAR_2300 = 10_413_792_000


def refuse(library: Library, condition: str) -> None:
    """From now on PostgreSQL refuses rows of `videos` for which `condition` does not hold."""
    with psycopg.connect(library.database.owner_url) as owner:
        owner.execute(f"ALTER TABLE videos ADD CONSTRAINT refused CHECK ({condition}) NOT VALID")  # type: ignore[arg-type]


def accept(library: Library) -> None:
    with psycopg.connect(library.database.owner_url) as owner:
        owner.execute("ALTER TABLE videos DROP CONSTRAINT refused")


def test_a_time_out_of_range_is_clamped_and_the_file_plays(library: Library) -> None:
    path = library.put("a.mp4", clip())
    os.utime(path, (YEAR_2300, YEAR_2300))
    if os.stat(path).st_mtime != YEAR_2300:
        pytest.skip("this file system clamps the time itself")
    library.put("b.mp4", clip(1))
    assert (library.scan().ready, library.row("a.mp4")["status"]) == (2, "ready")
    assert library.scan().unchanged == 2


def test_a_video_whose_facts_are_refused_is_broken_and_the_others_are_published(library: Library) -> None:
    refuse(library, "container_tags ->> 'comment' IS DISTINCT FROM 'bad'")
    library.put("a.mp4", clip())
    library.put("b.mp4", made_by_ffmpeg("mp4", "-metadata", "comment=bad"))
    library.put("c.mp4", clip(1))
    summary = library.scan()
    assert (summary.ready, summary.broken, summary.unrecorded) == (2, 1, 0), library.said
    assert "The catalog refused" in library.row("b.mp4")["status_reason"]
    assert library.published("b.mp4") == []
    homes = {entry.name for entry in library.titles.iterdir()}
    assert homes == {row["id"].hex for row in library.rows("status = 'ready'")}


def test_a_known_video_whose_new_content_is_refused_is_broken_under_its_id(library: Library) -> None:
    library.put("a.mp4", clip())
    library.scan()
    known = library.row("a.mp4")["id"]
    refuse(library, "container_tags ->> 'comment' IS DISTINCT FROM 'bad'")
    library.put("a.mp4", made_by_ffmpeg("mp4", "-metadata", "comment=bad"), age=100)
    library.scan()
    assert (library.row("a.mp4")["id"], library.row("a.mp4")["status"]) == (known, "broken")
    assert library.published("a.mp4") == []


def test_a_file_of_which_nothing_can_be_recorded_is_told_and_tried_again(library: Library) -> None:
    refuse(library, "filename NOT LIKE 'bad%'")
    library.put("a.mp4", clip())
    library.put("bad.mp4", clip(1))
    library.put("bad-empty.mp4", b"")
    library.put("c.mp4", clip(2))
    summary = library.scan()
    assert (summary.ready, summary.broken, summary.unrecorded) == (2, 0, 2)
    assert "bad.mp4 can't be recorded" in library.said
    assert [name for name, _ in library.query("SELECT filename, id FROM videos ORDER BY 1")] == ["a.mp4", "c.mp4"]
    assert len(list(library.titles.iterdir())) == 2
    accept(library)
    assert library.scan().ready == 3


def test_a_move_that_is_refused_leaves_the_others_moved(library: Library) -> None:
    for number in range(3):
        library.put(f"{number}.mp4", clip(number))
    library.scan()
    refuse(library, "filename NOT LIKE 'bad%'")
    for number, name in enumerate(("x.mp4", "bad.mp4", "z.mp4")):
        library.rename(f"{number}.mp4", name)
    summary = library.scan(accept_removals=True)
    assert (summary.moved, summary.unrecorded) == (2, 1)
    accept(library)
    library.scan()
    assert library.row("bad.mp4")["status"] == "ready"


def test_a_database_that_went_away_still_ends_the_scan(library: Library) -> None:
    library.put("a.mp4", clip())
    with psycopg.connect(library.database.owner_url) as owner:
        owner.execute(
            "CREATE FUNCTION leave() RETURNS trigger LANGUAGE plpgsql AS"
            " $$ BEGIN PERFORM pg_terminate_backend(pg_backend_pid()); RETURN NEW; END $$"
        )
        owner.execute("CREATE TRIGGER leave BEFORE INSERT ON videos FOR EACH ROW EXECUTE FUNCTION leave()")
    with pytest.raises(psycopg.OperationalError):
        library.scan()
