"""Pictures and notes beside films: what they become, what a person said instead, and those that want to harm."""

import errno
import os
import struct
import subprocess
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Self

import psycopg
import pytest

from authsvc.sharing import editing
from catalog import roles
from testbed.services.library import Library, clip, made_by_ffmpeg

NOTE = (
    "<movie><title>{title}</title><originaltitle>Urtitel</originaltitle><plot>{plot}</plot><genre>Drama</genre>"
    "<year>1931</year><director>Somebody Unseen</director></movie>"
)
EPISODE = (
    "<episodedetails><title>{}</title><showtitle>The Show</showtitle><season>{}</season>"
    "<episode>{}</episode></episodedetails>"
)
SECRET = b"no foreign byte"


def picture(suffix: str = "jpg", colour: str = "red", size: str = "80x120") -> bytes:
    source = ["-f", "lavfi", "-i", f"color={colour}:size={size}", "-frames:v", "1"]
    codec = {"jpg": ["-c:v", "mjpeg"], "png": ["-c:v", "png"], "webp": ["-c:v", "libwebp"]}[suffix]
    command = ["ffmpeg", "-v", "error", *source, *codec, "-f", "webp" if suffix == "webp" else "image2pipe", "pipe:1"]
    return subprocess.run(command, check=True, capture_output=True).stdout


def with_exif(jpeg: bytes, orientation: int) -> bytes:
    """The JPEG with an Exif segment: how it is turned, and where it was taken."""
    tiff = b"MM\0*\0\0\0\x08\0\x01" + struct.pack(">HHIHH", 0x0112, 3, 1, orientation, 0) + bytes(4) + b"GPS 52.5 13.4"
    body = b"Exif\0\0" + tiff
    return jpeg[:2] + b"\xff\xe1" + struct.pack(">H", len(body) + 2) + body + jpeg[2:]


def poster(library: Library, name: str) -> Path:
    return library.titles / library.row(name)["id"].hex / "poster.jpg"


def look(path: Path) -> tuple[str, str]:
    """Size, and the colour of the middle as red, green or blue."""
    asked = ["ffprobe", "-v", "error", "-show_entries", "stream=width,height", "-of", "csv=p=0:s=x", path]
    size = subprocess.run(asked, check=True, capture_output=True, text=True).stdout.strip()
    one = ["ffmpeg", "-v", "error", "-i", path, "-vf", "scale=1:1", "-f", "rawvideo", "-pix_fmt", "rgb24", "pipe:1"]
    levels = subprocess.run(one, check=True, capture_output=True).stdout
    return size, ("red", "green", "blue")[levels.index(max(levels))]


def scanned(library: Library) -> str:
    library.scan()
    return library.said


def test_a_picture_beside_a_film_is_its_poster_as_long_as_it_lies_there(library: Library) -> None:
    library.put("film.mp4", clip())
    scanned(library)
    frame = poster(library, "film.mp4").read_bytes()
    for name, kind, colour in (
        ("cover.jpg", "png", "red"), ("poster.webp", "webp", "blue"), ("film.jpg", "jpg", "red"),
        ("film-poster.jpg", "jpg", "blue"),
    ):  # fmt: skip
        library.put(name, picture(kind, colour))
        scanned(library)
        assert look(poster(library, "film.mp4")) == ("80x120", colour), name
    assert library.published("film.mp4") == ["poster.jpg", "source.mp4"]
    library.put("film-poster.jpg", picture("jpg", "red", "96x96"))
    scanned(library)
    assert look(poster(library, "film.mp4")) == ("96x96", "red")
    library.rename("film.mp4", "other.mp4")
    library.put("film.mp4", clip(1))
    for name in ("cover.jpg", "poster.webp", "film.jpg", "film-poster.jpg"):
        library.rename(name, f"aside-{name}")
    library.rename("aside-film.jpg", "other-poster.jpg")
    scanned(library)
    assert look(poster(library, "other.mp4")) == ("80x120", "red")
    library.delete("other-poster.jpg")
    scanned(library)
    assert poster(library, "other.mp4").read_bytes() == frame
    before = poster(library, "other.mp4").stat()
    scanned(library)
    assert poster(library, "other.mp4").stat() == before, "nothing changed: nothing is made"


def test_a_poster_is_upright_and_carries_nothing_along(library: Library) -> None:
    library.put("film.mp4", clip())
    library.put("poster.jpg", with_exif(picture("jpg", "blue", "1200x800"), 6))
    scanned(library)
    made = poster(library, "film.mp4")
    assert look(made) == ("640x960", "blue")
    assert b"GPS" not in made.read_bytes()
    assert b"Exif" not in made.read_bytes()


def test_a_folder_of_several_films_shares_no_poster(library: Library) -> None:
    library.put("one.mp4", clip())
    library.put("two.mp4", clip(1))
    library.put("poster.jpg", picture())
    scanned(library)
    assert look(poster(library, "one.mp4"))[0] == look(poster(library, "two.mp4"))[0] == "64x36"


@pytest.mark.parametrize("suffix", ["mp4", "mkv"])
def test_the_cover_in_a_film_is_its_poster_if_it_has_the_shape_of_one(
    library: Library, suffix: str, tmp_path: Path
) -> None:
    film = tmp_path / f"film.{suffix}"
    film.write_bytes(made_by_ffmpeg(suffix))
    for name, size in (("cover", "80x120"), ("banner", "640x64"), ("dot", "8x8")):
        cover = tmp_path / f"{name}.png"
        cover.write_bytes(picture("png", "blue", size))
        out = tmp_path / f"{name}.{suffix}"
        attach = ["-i", cover, "-map", "0", "-map", "1", "-disposition:v:1", "attached_pic"]
        if suffix == "mkv":
            attach = ["-attach", cover, "-metadata:s:t", "mimetype=image/png", "-metadata:s:t", "filename=cover.png"]
        subprocess.run(["ffmpeg", "-v", "error", "-i", film, *attach, "-c", "copy", out], check=True)
        library.put(f"{name}.{suffix}", out.read_bytes())
    scanned(library)
    assert look(poster(library, f"cover.{suffix}")) == ("80x120", "blue")
    assert look(poster(library, f"banner.{suffix}"))[0] == look(poster(library, f"dot.{suffix}"))[0] == "64x36"
    library.put(f"cover-poster.{'jpg'}", picture("jpg", "red"))
    scanned(library)
    assert look(poster(library, f"cover.{suffix}")) == ("80x120", "red"), "what lies beside goes before"


def test_a_frame_that_is_black_is_no_poster_where_there_is_another(library: Library, tmp_path: Path) -> None:
    for name, black in (("opening", "lt(t,9)"), ("night", "1")):
        dark = ["-vf", f"drawbox=color=black:t=fill:enable='{black}'", "-g", "25", "-preset", "ultrafast"]
        library.put(f"{name}.mp4", made_by_ffmpeg("mp4", *dark, seconds=20, sound=False))
    scanned(library)
    command = ["-vf", "scale=1:1", "-f", "rawvideo", "-pix_fmt", "gray", "pipe:1"]
    light = {
        name: subprocess.run(
            ["ffmpeg", "-v", "error", "-i", poster(library, f"{name}.mp4"), *command], check=True, capture_output=True
        ).stdout[0]
        for name in ("opening", "night")
    }
    assert light["opening"] > 40
    assert light["night"] < 10


def huge_png() -> bytes:
    """A hundred thousand pixels each way, in a few bytes."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", 100_000, 100_000, 1, 0, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(bytes(1000))) + chunk(b"IEND", b"")


def test_pictures_that_want_harm_are_passed_by_with_the_reason(library: Library, tmp_path: Path) -> None:
    secret = tmp_path / "secret.jpg"
    secret.write_bytes(picture("jpg", "red", "200x300"))
    inside = os.fsdecode(library.put("elsewhere/secret.jpg", picture("jpg", "red", "200x300")))
    svg = f'<svg xmlns="http://www.w3.org/2000/svg"><image href="file://{secret}"/></svg>'
    harm = {
        "ffconcat": (f"ffconcat version 1.0\nfile '{secret}'\n".encode(), "no JPEG, PNG or WebP"),
        "playlist": (f"#EXTM3U\n#EXTINF:9,\n{secret}\n#EXT-X-ENDLIST\n".encode(), "no JPEG, PNG or WebP"),
        "svg": (svg.encode(), "no JPEG, PNG or WebP"),
        "page": (f'<html><img src="{secret}"></html>'.encode(), "no JPEG, PNG or WebP"),
        "empty": (b"", "no JPEG, PNG or WebP"),
        "huge": (huge_png(), "more pixels"),
        "broken": (picture("png")[:60], "can't be decoded"),
        "cut": (picture("jpg")[:12], "damaged"),
        "banner": (picture("jpg", "red", "800x64"), "shape of a poster"),
        "script": (b"\xff\xd8\xff" + f"\nffconcat version 1.0\nfile '{secret}'\n".encode(), "damaged"),
    }
    for number, (name, (content, _)) in enumerate(harm.items()):
        library.put(f"{name}.mp4", clip(number % 2))
        library.put(f"{name}.jpg", content)
    for name, target in (("link", secret), ("inner", inside)):
        library.put(f"{name}.mp4", clip())
        os.symlink(target, library.root / f"{name}-poster.jpg")
    library.put("pipe.mp4", clip())
    os.mkfifo(library.root / "pipe.jpg")
    library.put("folder.mp4", clip())
    (library.root / "folder.jpg").mkdir()
    with open(library.put("large.jpg", b"\xff\xd8\xff"), "r+b") as file:
        file.truncate(100 << 20)
    library.put("large.mp4", clip())
    said = {name: why for name, (_, why) in harm.items()}
    said |= {"link": "is a link", "inner": "is a link", "pipe": "no file", "large": "larger than it may be"}
    summary = library.scan()
    assert (summary.ready, summary.broken) == (len(said) + 1, 0), library.said
    for name, why in said.items():
        assert why in library.row(f"{name}.mp4")["picture_remark"], name
    for name in (*said, "folder"):
        assert look(poster(library, f"{name}.mp4"))[0] == "64x36", name
    assert library.said.count("passed by") == len(said)
    assert "passed by" not in scanned(library), "what is known is not tried again"


def test_a_note_tells_what_nobody_said_otherwise(library: Library) -> None:
    library.put("The.Film.1999.mp4", clip())
    scanned(library)
    assert library.row("The.Film.1999.mp4")["year"] == 1999
    library.put("The.Film.1999.nfo", NOTE.format(title="Titel", plot="Handlung").encode())
    assert "told      The.Film.1999.mp4: Titel" in scanned(library)
    told = library.row("The.Film.1999.mp4")
    assert (told["title"], told["description"], told["tags"], told["year"]) == ("Titel", "Handlung", ["Drama"], 1931)
    assert (told["original_title"], told["people"], told["note_remark"]) == ("Urtitel", ["Somebody Unseen"], None)
    for word in ("urtitel", "unseen", "drama", "handlung"):
        assert library.rows("search @@ to_tsquery('simple', %s)", word), word
    assert "told" not in scanned(library).replace("told               0", ""), "it is read once"
    edit(library, told["id"].hex, {"title": "Mine", "description": "Handlung"})
    library.put("The.Film.1999.nfo", NOTE.format(title="Anderer", plot="Mehr").encode(), age=100)
    scanned(library)
    after = library.row("The.Film.1999.mp4")
    assert (after["title"], after["description"]) == ("Mine", "Mehr"), "what was sent unchanged was not edited"
    library.rename("The.Film.1999.mp4", "moved/Film.mp4")
    library.rename("The.Film.1999.nfo", "moved/Film.nfo")
    scanned(library)
    assert library.row("moved/Film.mp4")["description"] == "Mehr"
    library.delete("moved/Film.nfo")
    scanned(library)
    gone = library.row("moved/Film.mp4")
    assert (gone["title"], gone["description"], gone["tags"], gone["year"]) == ("Mine", "", [], None)
    assert (gone["original_title"], gone["people"]) == (None, [])


def edit(library: Library, video: str, changes: dict[str, Any]) -> None:
    with psycopg.connect(library.database.url_for(roles.API)) as connection:
        editing.edit(connection, video, changes)


def test_what_was_edited_before_edits_were_written_down_stays(library: Library) -> None:
    library.put("film.mp4", clip())
    scanned(library)
    library.owner("UPDATE videos SET title = 'By hand', tags = '{mine}'")
    library.put("film.nfo", NOTE.format(title="Titel", plot="Handlung").encode())
    scanned(library)
    row = library.row("film.mp4")
    assert (row["title"], row["description"], row["tags"]) == ("By hand", "Handlung", ["mine"])


def test_what_a_person_took_away_does_not_come_back(library: Library) -> None:
    library.put("film.mp4", clip())
    library.put("film.nfo", NOTE.format(title="Titel", plot="Handlung").encode())
    scanned(library)
    edit(library, library.row("film.mp4")["id"].hex, {"description": "", "tags": []})
    library.put("film.nfo", NOTE.format(title="Neu", plot="Neu").encode(), age=50)
    scanned(library)
    row = library.row("film.mp4")
    assert (row["title"], row["description"], row["tags"]) == ("Neu", "", [])


def test_episodes_stand_in_the_order_of_their_show(library: Library) -> None:
    for number, title in ((10, "Alpha"), (2, "Zulu"), (1, "Mike")):
        library.put(f"s/e{number}.mp4", clip(number))
        library.put(f"s/e{number}.nfo", EPISODE.format(title, 1, number).encode())
    library.put("The Zoo.mp4", clip(99))
    scanned(library)
    order = library.query("SELECT title FROM videos ORDER BY title_folded COLLATE natural_order")
    assert [title for (title,) in order] == ["Mike", "Zulu", "Alpha", "The Zoo"]
    row = library.row("s/e10.mp4")
    assert (row["show_title"], row["season"], row["episode"]) == ("The Show", 1, 10)


def test_notes_that_want_harm_are_passed_by_with_the_reason(library: Library, tmp_path: Path) -> None:
    secret = tmp_path / "secret.nfo"
    secret.write_bytes(b"<movie><title>" + SECRET + b"</title></movie>")
    entity = f"<!DOCTYPE m [<!ENTITY x SYSTEM 'file://{secret}'>]><movie><title>&x;</title></movie>"
    laughs = "<!DOCTYPE m [<!ENTITY a 'ha'>" + "".join(
        f"<!ENTITY {new} '{f'&{old};' * 10}'>" for old, new in zip("abcdefgh", "bcdefghi", strict=True)
    )
    include = f"<movie xmlns:xi='http://www.w3.org/2001/XInclude'><title><xi:include href='{secret}'/></title></movie>"
    harm = {
        "laughs": (f"{laughs}]><movie><title>&i;</title></movie>".encode(), "document type"),
        "entity": (entity.encode(), "document type"),
        "deep": (b"<movie>" + b"<a>" * 200_000, "more in it"),
        "binary": (b"<" + os.urandom(4096), "not well-formed"),
        "include": (include.encode(), None),
        "address": (f"file://{secret}".encode(), None),
        "paths": (f"<movie><thumb>{secret}</thumb><fanart><thumb>{secret}</thumb></fanart></movie>".encode(), None),
    }
    for name, (content, _) in harm.items():
        library.put(f"{name}.mp4", clip())
        library.put(f"{name}.nfo", content)
    with open(library.put("large.nfo", b"<movie><title>"), "r+b") as file:
        file.truncate(100 << 20)
    os.symlink(secret, library.root / "link.nfo")
    os.mkfifo(library.root / "pipe.nfo")
    said = {name: why for name, (_, why) in harm.items()}
    said |= {"large": "larger than it may be", "link": "is a link", "pipe": "no file"}
    for name in ("large", "link", "pipe", "good"):
        library.put(f"{name}.mp4", clip())
    library.put("good.nfo", NOTE.format(title="Good \u202egnp", plot="x").encode())
    summary = library.scan()
    assert (summary.ready, summary.broken, summary.told) == (len(said) + 1, 0, 3), library.said
    assert library.row("good.mp4")["title"] == "Good gnp"
    for name, why in said.items():
        row = library.row(f"{name}.mp4")
        assert why in row["note_remark"] if why else row["note_remark"] is None, name
        assert row["title"] == name
        assert SECRET.decode() not in str(row)


def test_an_unreadable_note_is_read_once_it_can_be(library: Library) -> None:
    """As root nothing is unreadable: then the mode alone is what is noticed."""
    library.put("film.mp4", clip())
    path = library.put("film.nfo", b"<movie><title>Told</title></movie>")
    os.chmod(path, 0)
    scanned(library)
    assert os.geteuid() == 0 or "can't be read" in library.row("film.mp4")["note_remark"]
    os.chmod(path, 0o644)
    assert "told      film.mp4: Told" in scanned(library)
    assert library.row("film.mp4")["title"] == "Told"


def test_what_a_disk_does_not_give_is_asked_for_again_and_takes_nothing_away(
    library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: Any) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    library.put("film.mp4", clip())
    library.put("film.nfo", b"<movie><title>Before</title></movie>")
    scanned(library)
    library.put("film.nfo", b"<movie><title>After</title></movie>", age=50)
    library.put("film.jpg", picture("jpg", "red"))
    with monkeypatch.context() as broken:
        broken.setattr("indexer.examine.read_note", fails)
        broken.setattr("media.covers.from_picture", fails)
        assert "unread" in scanned(library)
        assert library.row("film.mp4")["title"] == "Before"
        assert "can't be read now" in library.row("film.mp4")["picture_remark"]
    scanned(library)
    row = library.row("film.mp4")
    assert (row["title"], row["picture_remark"]) == ("After", None)
    assert look(poster(library, "film.mp4")) == ("80x120", "red")


def test_a_folder_that_can_not_be_listed_takes_nothing_away(library: Library, monkeypatch: pytest.MonkeyPatch) -> None:
    library.put("a/film.mp4", clip())
    library.put("a/film.nfo", b"<movie><title>Told</title></movie>")
    scanned(library)
    whole = os.scandir

    class Broken:
        """Breaks off before the note."""

        def __init__(self, path: Any) -> None:
            self._entries = whole(path)
            self._is_it = os.fsencode(path).rstrip(b"/").endswith(b"/a")

        def __enter__(self) -> Self:
            return self

        def __exit__(self, *_: object) -> None:
            self._entries.close()

        def __iter__(self) -> Iterator[os.DirEntry[bytes]]:
            for entry in sorted(self._entries, key=lambda entry: entry.name):
                if self._is_it and entry.name.endswith(b".nfo"):
                    raise OSError(errno.EIO, os.strerror(errno.EIO))
                yield entry

    with monkeypatch.context() as broken:
        broken.setattr("indexer.walk.os.scandir", Broken)
        assert "can't be listed" in scanned(library)
    assert library.row("a/film.mp4")["title"] == "Told"
