"""What is read of a file's bytes and of a tool's report, without running a tool."""

import doctest
import json
import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog.text import clean
from indexer import names
from indexer.fingerprint import fingerprint
from indexer.names import shown_filename, title_from
from media.declared import declared_seconds, is_protected
from media.extent import missing_bytes
from media.faults import Fault
from media.report import read_report, storable, tells_protection
from media.sniff import Container, Family, sniff


def box(kind: bytes, content: bytes = b"") -> bytes:
    return (8 + len(content)).to_bytes(4, "big") + kind + content


def ebml(doctype: bytes) -> bytes:
    element = b"\x42\x82" + bytes([0x80 | len(doctype)]) + doctype
    return b"\x1a\x45\xdf\xa3" + bytes([0x80 | len(element)]) + element


@pytest.mark.parametrize(
    ("head", "filename", "name"),
    [
        (box(b"ftyp", b"isom\0\0\0\0"), b"a.mp4", "mp4"),
        (box(b"ftyp", b"isom\0\0\0\0"), b"a.M4V", "m4v"),
        (box(b"ftyp", b"isom\0\0\0\0"), b"a.mov", "mp4"),
        (box(b"ftyp", b"M4V \0\0\0\0"), b"a.mp4", "mp4"),
        (box(b"ftyp", b"M4V \0\0\0\0"), b"a.avi", "m4v"),
        (box(b"ftyp", b"qt  \0\0\0\0"), b"a.mp4", "mov"),
        (box(b"free") + box(b"ftyp", b"isom\0\0\0\0"), b"a.mp4", "mp4"),
        (box(b"wide") + box(b"mdat", b"x"), b"a.mov", "mov"),
        (ebml(b"webm"), b"a.mkv", "webm"),
        (ebml(b"matroska"), b"a.webm", "mkv"),
        (b"RIFF\x10\0\0\0AVI LIST", b"a.mp4", "avi"),
    ],
)
def test_the_first_bytes_tell_the_container(head: bytes, filename: bytes, name: str) -> None:
    container = sniff(head, filename)
    assert isinstance(container, Container)
    assert container.name == name


@pytest.mark.parametrize(
    ("head", "word"),
    [
        (b"ffconcat version 1.0\n", "ffconcat"),
        (b"\xef\xbb\xbfFFCONCAT version 1.0\n", "ffconcat"),
        (b"\n\n  #EXTM3U\n", "playlist"),
        (b"v=0\r\no=", "SDP"),
        (b"<?xml version='1.0'?><MPD>", "XML"),
        (b"<MPD>", "DASH"),
        (ebml(b"other"), "'other'"),
        (box(b"ftyp", b"heic\0\0\0\0"), "picture"),
        (b"\x47" + bytes(187) + b"\x47", "transport stream"),
        (bytes(4096), "zeros"),
        (b"RIFF\x10\0\0\0WAVEfmt ", "WAV"),
        (b"hello, world", "whatever its name says"),
        (b"\0\0\0\x05ftypisom", "whatever its name says"),
    ],
)
def test_what_is_no_video_is_named(head: bytes, word: str) -> None:
    fault = sniff(head, b"a.mp4")
    assert isinstance(fault, Fault)
    assert word in fault.sentence


@given(st.binary(max_size=200), st.binary(max_size=20))
def test_sniffing_answers_for_any_bytes(head: bytes, filename: bytes) -> None:
    assert isinstance(sniff(head, filename), Container | Fault)
    for magic in (b"\x1a\x45\xdf\xa3", b"\0\0\0\x10free", b"RIFF"):
        assert isinstance(sniff(magic + head, filename), Container | Fault)


def lacking(folder: Path, content: bytes, family: Family) -> int:
    path = folder / "file"
    path.write_bytes(content)
    descriptor = os.open(path, os.O_RDONLY)
    try:
        return missing_bytes(descriptor, len(content), family)
    finally:
        os.close(descriptor)


def test_a_file_that_ends_before_its_structure_does_lacks_bytes(tmp_path: Path) -> None:
    iso = box(b"ftyp", b"isom") + box(b"mdat", bytes(100))
    assert lacking(tmp_path, iso, Family.ISO) == 0
    assert lacking(tmp_path, iso[:-7], Family.ISO) == 7
    assert lacking(tmp_path, iso + b"\0" * 20, Family.ISO) == 0
    large = box(b"ftyp") + (1).to_bytes(4, "big") + b"mdat" + (1 << 33).to_bytes(8, "big")
    assert lacking(tmp_path, large, Family.ISO) == (1 << 33) - 16
    to_the_end = box(b"ftyp") + b"\0\0\0\0mdat" + bytes(50)
    assert lacking(tmp_path, to_the_end, Family.ISO) == 0
    mkv = ebml(b"matroska") + b"\x18\x53\x80\x67" + b"\x40\x64" + bytes(100)
    assert lacking(tmp_path, mkv, Family.EBML) == 0
    assert lacking(tmp_path, mkv[:-9], Family.EBML) == 9
    live = ebml(b"webm") + b"\x18\x53\x80\x67" + b"\x01\xff\xff\xff\xff\xff\xff\xff" + bytes(9)
    assert lacking(tmp_path, live, Family.EBML) == 0
    avi = b"RIFF" + (104).to_bytes(4, "little") + b"AVI " + bytes(100)
    assert lacking(tmp_path, avi, Family.RIFF) == 0
    assert lacking(tmp_path, avi[:-50], Family.RIFF) == 50


def declared(folder: Path, content: bytes, family: Family) -> tuple[float | None, bool]:
    path = folder / "file"
    path.write_bytes(content)
    descriptor = os.open(path, os.O_RDONLY)
    try:
        size = len(content)
        return declared_seconds(descriptor, size, family), is_protected(descriptor, size, family)
    finally:
        os.close(descriptor)


def track(entry: bytes) -> bytes:
    description = box(b"stsd", bytes(7) + b"\1" + box(entry, bytes(20)))
    return box(b"trak", box(b"mdia", box(b"minf", box(b"stbl", description))))


@pytest.mark.parametrize(("entries", "protected"), [((b"avc1", b"mp4a"), False), ((b"avc1", b"enca"), True)])
def test_a_movie_tells_its_length_and_whether_it_is_protected(
    tmp_path: Path, entries: tuple[bytes, ...], protected: bool
) -> None:
    tracks = b"".join(map(track, entries))
    short = box(b"mvhd", bytes(12) + (1000).to_bytes(4, "big") + (5000).to_bytes(4, "big"))
    long = box(b"mvhd", b"\1" + bytes(19) + (1000).to_bytes(4, "big") + (5000).to_bytes(8, "big"))
    for header in (short, long):
        content = box(b"ftyp", b"isom") + box(b"mdat", bytes(50)) + box(b"moov", header + tracks)
        assert declared(tmp_path, content, Family.ISO) == (5.0, protected)


@given(st.binary(max_size=300), st.sampled_from(Family))
def test_any_bytes_declare_something_or_nothing(
    tmp_path_factory: pytest.TempPathFactory, tail: bytes, family: Family
) -> None:
    heads = {
        Family.ISO: (box(b"ftyp"), b"\0\0\1\0moov", b"\0\0\1\0moov\0\0\0\x20mvhd", track(b"avc1")[:-9]),
        Family.EBML: (ebml(b"webm"), ebml(b"webm") + b"\x18\x53\x80\x67\xff\x15\x49\xa9\x66\x8f\x2a\xd7\xb1"),
        Family.RIFF: (b"RIFF\x10\0\0\0AVI LIST\0\0\0\0hdrlavih",),
    }
    folder = tmp_path_factory.getbasetemp()
    for head in heads[family]:
        seconds, _ = declared(folder, head + tail, family)
        assert seconds is None or 0 < seconds < 3.6e7


def test_a_fingerprint_tells_start_middle_end_and_size_apart(tmp_path: Path) -> None:
    path = tmp_path / "file"

    def of(content: bytes) -> bytes:
        path.write_bytes(content)
        descriptor = os.open(path, os.O_RDONLY)
        try:
            return fingerprint(descriptor, len(content), 4096)
        finally:
            os.close(descriptor)

    whole = bytes(100_000)
    prints = [of(whole), of(whole[:-1])]
    prints += [of(whole[:place] + b"x" + whole[place + 1 :]) for place in (0, 50_000, 99_999)]
    assert len(set(prints)) == len(prints)
    assert of(whole) == prints[0]


@given(st.text() | st.characters(codec=None).map(lambda sign: f"a{sign}b"))
def test_any_text_becomes_storable(text: str) -> None:
    stored = storable(text, 50)
    stored.encode("utf-8")
    assert "\0" not in stored
    assert len(stored) <= 50
    assert stored == clean(stored, "")


@given(st.binary(min_size=1, max_size=255).filter(lambda name: b"/" not in name and b"\0" not in name))
def test_any_file_name_has_a_title_and_a_shown_form(name: bytes) -> None:
    title, shown = title_from(b"folder/" + name), shown_filename(b"folder/" + name)
    assert title
    assert len(title) <= 300
    for text in (title, shown):
        assert text == clean(text, "")
        text.encode("utf-8")


# Each is one of a kind that `str.isprintable` denies: spaces that don't break, a joiner that keeps Persian letters
# apart, joined emoji, a mark that places a bracket, letters that are newer than any Python.
AS_THEY_ARE = [
    "Acte\u202f2\u00a0: La\u00a0fin",
    "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645",
    "👨\u200d👩\u200d👧",
    "(שלום)\u200f",
    "a\U000323b0b",
]


@pytest.mark.parametrize("text", AS_THEY_ARE)
def test_letters_and_joiners_of_every_script_are_shown_as_they_are(text: str) -> None:
    assert shown_filename(f"films/{text}.mp4".encode()) == f"{text}.mp4"
    assert title_from(f"films/{text}.mp4".encode()) == text
    probed = read_report({"streams": [video()], "format": {"tags": {"title": text}}}, "mp4")
    assert probed is not None
    assert probed.tags == {"title": text}


@pytest.mark.parametrize("sign", ["\x00", "\n", "\x1b", "\x85", "\u2028", "\u202e", "\u2066", "\udcff"])
def test_what_breaks_a_line_or_turns_it_is_replaced(sign: str) -> None:
    assert clean(f"a{sign}b", "\N{REPLACEMENT CHARACTER}") == "a\N{REPLACEMENT CHARACTER}b"
    assert storable(f"a{sign}b") == "a b"


def test_a_name_of_which_nobody_sees_anything_is_untitled() -> None:
    assert title_from("\u200b\u00a0\u2060.mp4".encode()) == "Untitled"


def test_examples_of_titles_are_right() -> None:
    assert doctest.testmod(names).failed == 0


def video(**more: Any) -> dict[str, Any]:
    return {"index": 0, "codec_type": "video", "codec_name": "h264", "width": 640, "height": 360} | more


@pytest.mark.parametrize(
    ("stream", "expected"),
    [
        (video(), (0, 640, 360)),
        (video(side_data_list=[{"side_data_type": "Display Matrix", "rotation": -90}]), (90, 360, 640)),
        (video(side_data_list=[{"side_data_type": "Display Matrix", "rotation": 90}]), (270, 360, 640)),
        (video(side_data_list=[{"side_data_type": "Display Matrix", "rotation": -180}]), (180, 640, 360)),
        (video(tags={"rotate": "90"}), (90, 360, 640)),
        (video(side_data_list=[{"rotation": "nan"}]), (0, 640, 360)),
    ],
)
def test_the_size_is_as_shown_after_turning(stream: dict[str, Any], expected: tuple[int, int, int]) -> None:
    probed = read_report({"streams": [stream]}, "mp4")
    assert probed is not None
    assert (probed.rotation, probed.width, probed.height) == expected


@pytest.mark.parametrize(
    ("ratio", "width"),
    [("64:45", 1024), ("16:15", 768), ("1:1", 720), ("0:1", 720), ("N/A", 720), ("3201:3200", 720), ("1:100", 720)],
)
def test_the_size_is_told_in_square_pixels(ratio: str, width: int) -> None:
    stream = video(width=720, height=576, sample_aspect_ratio=ratio)
    probed = read_report({"streams": [stream]}, "mp4")
    assert probed is not None
    assert (probed.width, probed.height) == (width, 576)
    turned = read_report({"streams": [stream | {"tags": {"rotate": "90"}}]}, "mp4")
    assert turned is not None
    assert (turned.width, turned.height) == (576, width)


@pytest.mark.parametrize(
    ("others", "track"),
    [
        ([{"index": 0, "codec_name": "mjpeg", "disposition": {"attached_pic": 1}}], 1),
        ([{"index": 0, "codec_name": "mjpeg"}], 1),
        ([{"index": 0, "codec_name": "png", "duration": "60"}], 1),
        ([{"index": 0, "duration": "10", "disposition": {"default": 1}}], 1),
        ([{"index": 0, "duration": "60.02"}, {"index": 2, "duration": "60"}], 0),
        ([{"index": 0, "duration": "60"}, {"index": 2, "duration": "59.9", "disposition": {"default": 1}}], 2),
    ],
)
def test_the_longest_moving_stream_is_the_video(others: list[dict[str, Any]], track: int) -> None:
    streams = [video(), *({"codec_type": "video", "codec_name": "h264"} | other for other in others)]
    streams[0] |= {"index": 1, "duration": "60"}
    probed = read_report({"streams": sorted(streams, key=lambda stream: stream["index"])}, "mkv")
    assert probed is not None
    assert probed.video_track == track


@pytest.mark.parametrize(
    "stream",
    [video(tags={"ENC_KEY_ID": "AAAA"}), video(side_data_list=[{"side_data_type": "Encryption initialization data"}])],
)
def test_an_encrypted_track_is_told(stream: dict[str, Any]) -> None:
    assert tells_protection({"streams": [video(), stream]})
    assert not tells_protection({"streams": [video()]})


def test_dolby_vision_is_told_before_its_base_layer() -> None:
    stream = video(color_transfer="smpte2084", side_data_list=[{"side_data_type": "DOVI configuration record"}])
    probed = read_report({"streams": [stream]}, "mp4")
    assert probed is not None
    assert probed.hdr == "dolby-vision"


def test_a_cover_picture_is_no_video() -> None:
    cover = video(disposition={"attached_pic": 1}, codec_name="mjpeg")
    assert read_report({"streams": [cover, {"codec_type": "audio"}]}, "mp4") is None


def test_the_duration_falls_back_to_the_tracks() -> None:
    for streams in ([video(duration="12.5")], [video(tags={"DURATION": "00:00:12.500000000"})]):
        probed = read_report({"streams": streams, "format": {"duration": "N/A"}}, "mkv")
        assert probed is not None
        assert probed.duration_seconds == 12.5


@pytest.mark.parametrize("rate", ["0/0", "25/0", "-1/1", "90000/1", "x", "1/0.0000001", None])
def test_a_senseless_frame_rate_is_not_told(rate: object) -> None:
    probed = read_report({"streams": [video(avg_frame_rate=rate)]}, "mp4")
    assert probed is not None
    assert probed.fps is None


def test_less_than_one_pixel_is_no_size() -> None:
    probed = read_report({"streams": [video(width=0.5, height="0.99")], "format": {"bit_rate": "0.1"}}, "mp4")
    assert probed is not None
    assert (probed.width, probed.height, probed.bitrate) == (None, None, None)


JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)
FIELDS = st.sampled_from(
    ["index", "codec_name", "width", "height", "avg_frame_rate", "duration", "bit_rate", "tags", "side_data_list"]
)
STREAM = st.dictionaries(FIELDS, JSON).map(lambda stream: video() | stream)


@given(
    streams=st.lists(st.dictionaries(FIELDS, JSON).map(lambda stream: video() | stream | {"codec_type": "video"}))
    | JSON,
    chapters=JSON,
    envelope=JSON,
)
def test_any_report_can_be_read_and_stored(streams: Any, chapters: Any, envelope: Any) -> None:
    probed = read_report({"streams": streams, "chapters": chapters, "format": envelope}, "mp4")
    if probed is None:
        return
    for number in (probed.width, probed.height, probed.bitrate):
        assert number is None or 0 < number < 1 << 62
    assert probed.rotation in (0, 90, 180, 270)
    json.dumps([probed.tags, probed.chapters], allow_nan=False).encode()
