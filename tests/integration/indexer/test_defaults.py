"""Folders that carry a default: the indexer gives it to titles that are new, and to no others."""

import psycopg

from testbed.services.library import Library, clip


def rule(library: Library, folder: str, visibility: str) -> str:
    with psycopg.connect(library.database.owner_url, autocommit=True) as owner:
        row = owner.execute(
            "INSERT INTO folder_rules (library_root, folder, visibility) VALUES (%s, %s, %s) RETURNING id",
            (str(library.root), folder.encode(), visibility),
        ).fetchone()
    assert row
    return str(row[0])


def test_nearest_folder_decides_for_new_titles_alone(library: Library) -> None:
    library.put("films/old.mp4", clip(0))
    library.scan()
    rule(library, "films", "public")
    rule(library, "films/ours", "named")
    for number, name in enumerate(("films/new.mp4", "films/ours/deep/a.mp4", "filmstrip/b.mp4", "c.mp4"), 1):
        library.put(name, clip(number))
    library.put("films/ours/empty.mp4", b"")
    library.rename("films/old.mp4", "films/ours/old.mp4")
    library.scan()
    assert {row["path"].decode(): row["visibility"] for row in library.rows()} == {
        "films/ours/old.mp4": "members",
        "films/new.mp4": "public",
        "films/ours/deep/a.mp4": "named",
        "films/ours/empty.mp4": "named",
        "filmstrip/b.mp4": "members",
        "c.mp4": "members",
    }


def test_named_viewers_of_the_folder_become_those_of_the_title(library: Library) -> None:
    ours = rule(library, "", "named")
    with psycopg.connect(library.database.owner_url, autocommit=True) as owner:
        user = owner.execute(
            "INSERT INTO users (username, username_key, password_hash) VALUES ('a', 'a', 'x') RETURNING id"
        ).fetchone()
        group = owner.execute("INSERT INTO groups (name, name_key) VALUES ('g', 'g') RETURNING id").fetchone()
        assert user
        assert group
        owner.execute("INSERT INTO folder_rule_users VALUES (%s, %s)", (ours, user[0]))
        owner.execute("INSERT INTO folder_rule_groups VALUES (%s, %s)", (ours, group[0]))
    library.put("a.mp4", clip())
    library.put("growing.mp4", b"x", age=0)
    library.scan()
    videos = {row["id"] for row in library.rows()}
    assert len(videos) == 2
    assert set(library.query("SELECT video_id, user_id FROM video_users")) == {(video, user[0]) for video in videos}
    assert set(library.query("SELECT video_id, group_id FROM video_groups")) == {(video, group[0]) for video in videos}
    with psycopg.connect(library.database.owner_url, autocommit=True) as owner:
        owner.execute("DELETE FROM video_users")
    library.put("a.mp4", clip(1))
    library.scan()
    assert library.query("SELECT * FROM video_users") == [], "what an admin decided stays when the content changes"
