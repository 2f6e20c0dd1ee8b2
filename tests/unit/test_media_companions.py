"""Which pictures and notes are for which film, and what a note tells: also one that was written to do harm."""

import pytest

from media.companions import beside
from media.faults import Fault
from media.nfo import Note, read_note

MOVIE = """<?xml version="1.0" encoding="UTF-8" standalone="yes" ?>
<movie>
  <title>Le Voyage &amp; la Lune</title><originaltitle>旅</originaltitle>
  <plot>Six go\tthere.

They come back.</plot>
  <genre>Science Fiction / Adventure</genre><genre>Silent</genre><tag>Silent</tag>
  <year>1902</year><premiered>1950-01-01</premiered>
  <director>Georges Méliès</director>
  <actor><name>Bleuette Bernon</name><role>Phoebe</role></actor>
  <fileinfo><streamdetails><video><title>not this</title></video></streamdetails></fileinfo>
</movie>
https://www.example.org/title/tt0000417/
"""
EPISODE = """<episodedetails><title>Pilot</title><showtitle>The Show</showtitle><season>1</season><episode>12</episode>
<aired>2001-02-03</aired></episodedetails><episodedetails><title>Second</title></episodedetails>"""
LAUGHS = "<!DOCTYPE movie [<!ENTITY a 'ha'>" + "".join(
    f"<!ENTITY {new} '{f'&{old};' * 10}'>" for old, new in zip("abcdefgh", "bcdefghi", strict=True)
)
HARM = {
    "billion laughs": (LAUGHS + "]><movie><title>&i;</title></movie>", "document type"),
    "file": (
        "<!DOCTYPE m [<!ENTITY x SYSTEM 'file:///etc/passwd'>]><movie><title>&x;</title></movie>",
        "document type",
    ),
    "outside DTD": ("<!DOCTYPE movie SYSTEM 'http://127.0.0.1:1/x.dtd'><movie/>", "document type"),
    "unknown entity": ("<movie><title>&x;</title></movie>", "undefined entity"),
    "deep": ("<movie>" + "<a>" * 100_000, "more in it"),
    "many": ("<movie>" + "<a/>" * 100_000 + "</movie>", "more in it"),
    "cut": ("<movie><title>Cut", "not well-formed"),
    "page": ("<html><title>404</title></html>", "'html'"),
    "encoding": ("<?xml version='1.0' encoding='no-such'?><movie/>", "not well-formed"),
    "multi-byte encoding": ("<?xml version='1.0' encoding='shift_jis'?><movie/>", "not well-formed"),
}


def test_names_say_for_which_film_a_picture_or_a_note_is() -> None:
    films = [b"A.mkv", b"B.mkv"]
    names = [
        b"A.jpg",
        b"A-poster.png",
        b"A-poster.jpg",
        b"A-thumb.jpg",
        b"B.NFO",
        b"poster.jpg",
        b"movie.nfo",
        b"AB.jpg",
    ]
    assert beside(films, names) == {
        b"A.mkv": ([b"A-poster.jpg", b"A-poster.png", b"A.jpg", b"A-thumb.jpg"], []),
        b"B.mkv": ([], [b"B.NFO"]),
    }


def test_what_has_no_film_s_name_is_for_the_only_film_of_a_folder() -> None:
    names = [b"cover.jpg", b"Folder.JPG", b"poster.webp", b"movie.nfo", b"A.nfo", b"fanart.jpg", b"other.nfo"]
    told = [b"poster.webp", b"Folder.JPG", b"cover.jpg"], [b"A.nfo", b"movie.nfo"]
    assert beside([b"A.mkv"], names) == {b"A.mkv": told}
    assert beside([b"A.mkv", b"A.mp4"], names) == {b"A.mkv": told, b"A.mp4": told}


def test_a_note_tells_of_a_film() -> None:
    assert read_note(MOVIE.encode()) == Note(
        title="Le Voyage & la Lune",
        original_title="旅",
        description="Six go there.\n\nThey come back.",
        tags=["Science Fiction", "Adventure", "Silent"],
        year=1902,
        people=["Georges Méliès", "Bleuette Bernon"],
    )


def test_of_several_episodes_the_first_is_told() -> None:
    assert read_note(EPISODE.encode()) == Note(title="Pilot", show="The Show", season=1, episode=12, year=2001)


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "cp1252"])
def test_a_note_of_an_old_program_is_read_in_its_encoding(encoding: str) -> None:
    note = read_note(
        "<movie><title>Les Années Lumière à Orléans</title><plot>Été éternel</plot></movie>".encode(encoding)
    )
    assert isinstance(note, Note)
    assert note.title == "Les Années Lumière à Orléans"


@pytest.mark.parametrize("text", ["https://www.example.org/movie/1", "  \u2584\u2588 release notes <movie> \u2588", ""])
def test_an_address_and_a_text_for_people_tell_nothing(text: str) -> None:
    assert read_note(text.encode()) is None


@pytest.mark.parametrize("kind", HARM)
def test_a_note_that_wants_harm_is_refused_and_says_why(kind: str) -> None:
    text, why = HARM[kind]
    note = read_note(text.encode())
    assert isinstance(note, Fault)
    assert why in note.sentence
    assert "root:" not in note.sentence


def test_what_can_not_be_shown_does_not_come_through() -> None:
    note = read_note(
        "<movie><title>gnp\u202e.exe &#x85; x\u2028</title><season>-1</season><episode>99999</episode>"
        "<year>20000</year>"
        "<genre>\u200b</genre><tag>../../etc</tag><plot>&#13;\u2066</plot></movie>".encode()
    )
    assert note == Note(title="gnp .exe x", tags=["../../etc"])
    assert read_note(b"<movie><title>\x01</title></movie>") is not None
    long = read_note(f"<movie><title>{'t' * 10_000}</title><plot>{'p' * 90_000}</plot></movie>".encode())
    assert isinstance(long, Note)
    assert (len(long.title or ""), len(long.description or "")) == (300, 5000)
    many = read_note(("<movie>" + "".join(f"<tag>{n}</tag>" for n in range(999)) + "</movie>").encode())
    assert isinstance(many, Note)
    assert len(many.tags) == 50
