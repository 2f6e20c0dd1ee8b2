"""200 malformed videos, the same ones each time: each is one of a kind, and of a kind there are several.

`inputs` makes them. A `Canary` is what they are after: a red film with secret words, which is none of theirs.
"""

import gzip
import io
import random
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import Final

from testbed.services.library import made_by_ffmpeg
from tests.corpus import structure as s
from tests.corpus.structure import box, boxes, element, rebuilt

NUMBER: Final = 200
_SEED: Final = 31_170
_X264: Final = ("-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-g", "5")
_MPEG4: Final = ("-c:v", "mpeg4", "-c:a", "mp2")


@dataclass(frozen=True, slots=True)
class Canary:
    """What no output may show, where it lies, and a name that nobody but a hostile file would write."""

    path: str
    words: str
    escape: str

    @property
    def content(self) -> bytes:
        """Its words lie where players skip them."""
        return _red() + box(b"free", self.words.encode())


@dataclass(frozen=True, slots=True)
class Hostile:
    """A file of the library. `sparse` is the size that it is made to have, with a hole at its end."""

    kind: str
    name: str
    content: bytes
    sparse: int = 0
    beside: dict[str, bytes] = field(default_factory=dict)


Made = Iterator[tuple[str, bytes]]


def _mp4(*options: str) -> bytes:
    return made_by_ffmpeg("mp4", *_X264, "-movflags", "+faststart", *options, seconds=1)


def _mov() -> bytes:
    return made_by_ffmpeg("mov", *_X264, "-c:a", "aac", seconds=1)


def _mkv(*options: str) -> bytes:
    return made_by_ffmpeg("mkv", *_X264, "-c:a", "ac3", *options, seconds=1)


def _red() -> bytes:
    """Its index lies behind its pictures."""
    return made_by_ffmpeg("mov", "-vf", "drawbox=color=red:t=fill", *_X264, "-c:a", "aac", seconds=1)


def _webm() -> bytes:
    return made_by_ffmpeg("webm", seconds=1)


def _avi() -> bytes:
    return made_by_ffmpeg("avi", *_MPEG4, seconds=1)


def _flips(chance: random.Random, _: Canary) -> Made:
    """Bits that fell over, anywhere and in the head alone."""
    for suffix, whole in (("mp4", _mp4()), ("mkv", _mkv()), ("avi", _avi()), ("mov", _mov()), ("webm", _webm())):
        for count, reach in (*((1 << more, 300 << more) for more in range(8)), (400, len(whole))):
            changed = bytearray(whole)
            for _ in range(count):
                changed[chance.randrange(min(reach, len(changed)))] ^= 1 << chance.randrange(8)
            yield suffix, bytes(changed)


def _cut(chance: random.Random, _: Canary) -> Made:
    for suffix, whole in (("mp4", _mp4()), ("mkv", _mkv()), ("avi", _avi()), ("webm", _webm())):
        for share in (0.02, 0.3, 0.95):
            yield suffix, whole[: int(len(whole) * share)]
        middle = len(whole) // 2
        yield suffix, whole[:middle] + chance.randbytes(len(whole) - middle)


def _swapped(chance: random.Random, _: Canary) -> Made:
    """Boxes in another order, twice, inside each other, under another's name."""
    whole = boxes(_mp4())
    movie = dict(whole)[b"moov"]
    parts = boxes(movie)
    yield "mp4", rebuilt(whole[::-1])
    yield "mp4", rebuilt([*whole, *whole])
    yield "mp4", rebuilt([(kind, rebuilt(parts[::-1]) if kind == b"moov" else content) for kind, content in whole])
    yield "mp4", rebuilt([*whole[:1], (b"mdat", movie), (b"moov", dict(whole)[b"mdat"])])
    for names in ((b"stts", b"stco"), (b"stsz", b"stsc"), (b"tkhd", b"mvhd"), (b"avcC", b"esds")):
        yield "mp4", rebuilt(whole).replace(names[0], b"\0\0\0\0").replace(*names[::-1]).replace(b"\0\0\0\0", names[1])
    for suffix, content in (("mkv", _mkv()), ("avi", _avi())):
        pieces = [content[at : at + 512] for at in range(64, len(content), 512)]
        chance.shuffle(pieces)
        yield suffix, content[:64] + b"".join(pieces)


def _lengths(_: random.Random, __: Canary) -> Made:
    """Lengths and counts that are none."""
    whole = _mp4()
    for kind in (b"moov", b"trak", b"stbl", b"mdat"):
        at = whole.index(kind) - 4
        for length in (0, 7, 0x7FFF_FFFF):
            yield "mp4", whole[:at] + struct.pack(">I", length) + whole[at + 4 :]
    for kind in (b"stts", b"stsz", b"stco", b"ctts"):
        at = whole.find(kind) + 8 + (4 if kind == b"stsz" else 0)
        yield "mp4", whole[:at] + b"\xff\xff\xff\xf0" + whole[at + 4 :]
    yield "mp4", whole + struct.pack(">I4sQ", 1, b"mdat", (1 << 63) - 1)
    matroska = _mkv()
    for name in (s.INFO, s.TRACKS, s.CLUSTER):
        at = matroska.index(name.to_bytes(4, "big")) + 4
        yield "mkv", matroska[:at] + b"\x01\xff\xff\xff\xff\xff\xff\xfe" + matroska[at + 8 :]
    riff = _avi()
    for kind in (b"hdrl", b"strf", b"movi", b"idx1"):
        at = riff.index(kind)
        at += 4 if kind in (b"strf", b"idx1") else -8
        yield "avi", riff[:at] + b"\xf0\xff\xff\xff" + riff[at + 4 :]


def _voids(_: random.Random, __: Canary) -> Made:
    """Elements of nothing: many, one in the other, and one that never ends."""
    (_, head), (_, segment) = list(s.elements(_mkv()))[:2]
    opening = element(s.EBML, head)
    yield "mkv", opening + element(s.SEGMENT, element(s.VOID) * 300_000, segment)
    nested = b""
    for _ in range(2000):
        nested = element(s.VOID, nested)
    yield "mkv", opening + element(s.SEGMENT, nested, segment)
    endless = b"\x01" + b"\xff" * 7
    yield "mkv", opening + element(s.SEGMENT, element(s.CLUSTER, length=endless) * 20_000, length=endless)
    yield "webm", opening + element(s.SEGMENT, element(s.VOID, length=b"\x08" + b"\xff" * 4), segment)
    yield "mkv", opening * 5000 + element(s.SEGMENT, segment)


def _disguised(_: random.Random, canary: Canary) -> Made:
    """Scripts that name another file, under the names of videos."""
    path = canary.path
    xml = "<?xml version='1.0'?>"
    representation = f"<Representation id='0' bandwidth='1' mimeType='video/mp4'><BaseURL>{path}</BaseURL>"
    dash = f"<MPD xmlns='urn:mpeg:dash:schema:mpd:2011' type='static'><Period><AdaptationSet>{representation}"
    imf = f"<CompositionPlaylist xmlns='http://www.smpte-ra.org/schemas/2067-3/2016'><ContentTitle>{path}"
    scripts = (
        f"ffconcat version 1.0\nfile '{path}'\n",
        f"\ufeffffconcat version 1.0\nfile 'file:{path}'\ninpoint 0\n",
        f"#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\n{path}\n#EXT-X-ENDLIST\n",
        f'#EXTM3U\n#EXT-X-MAP:URI="{path}"\n#EXT-X-KEY:METHOD=AES-128,URI="file://{path}"\n#EXTINF:1,\n{path}\n',
        f"{xml}{dash}</Representation></AdaptationSet></Period></MPD>",
        f"{xml}<!DOCTYPE a [<!ENTITY b SYSTEM 'file://{path}'>]><MPD>&b;</MPD>",
        f"{xml}{imf}</ContentTitle></CompositionPlaylist>",
        f"<AssetMap><AssetList><Asset><Path>{path}</Path></Asset></AssetList></AssetMap>",
        f"v=0\no=- 0 0 IN IP4 127.0.0.1\ns={path}\nc=IN IP4 127.0.0.1\nt=0 0\nm=video 5004 RTP/AVP 96\n",
        f"concat:{path}|{path}",
        f"[playlist]\nFile1={path}\nNumberOfEntries=1\n",
        f"RTSPtext\r\nrtsp://127.0.0.1/{path}\r\n",
    )
    suffixes = ("mp4", "mkv", "avi", "mov", "webm", "m4v")
    for number, script in enumerate(scripts):
        for suffix in (suffixes[number % 6], suffixes[(number + 1) % 6]):
            yield suffix, script.encode()
    for suffix, head in (("mp4", _mp4()[:32]), ("mkv", _mkv()[:64]), ("avi", _avi()[:64])):
        yield suffix, head + b"\n" + scripts[0].encode()
        yield suffix, head + b"\n" + scripts[2].encode()


def _bombs(_: random.Random, __: Canary) -> Made:
    """Little that becomes much: archives, and what containers themselves compress."""
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as packed:
        # With the oldest date that there can be: else it would be today's, and another file tomorrow.
        packed.writestr(zipfile.ZipInfo("film.mp4"), bytes(64 << 20), zipfile.ZIP_DEFLATED)
    yield "mp4", archive.getvalue()
    yield "mkv", gzip.compress(bytes(64 << 20))
    whole = dict(boxes(_mov()))
    packed_movie = struct.pack(">I", 0x7FFF_FFF0) + zlib.compress(bytes(32 << 20))
    compressed = box(b"cmov", box(b"dcom", b"zlib"), box(b"cmvd", packed_movie))
    yield "mov", box(b"ftyp", whole[b"ftyp"]) + box(b"moov", compressed) + box(b"mdat", whole[b"mdat"])
    honest = box(b"moov", whole[b"moov"])
    again = box(b"cmov", box(b"dcom", b"zlib"), box(b"cmvd", struct.pack(">I", len(honest)) + zlib.compress(honest)))
    yield "mov", box(b"ftyp", whole[b"ftyp"]) + box(b"moov", again) + box(b"mdat", whole[b"mdat"])
    # A track whose every packet is compressed (ContentEncodings): 200 of them with 8 MiB each.
    coding = element(0x6D80, element(0x6240, element(0x5034, element(0x4254, b"\0"))))
    video = element(0xE0, element(0xB0, s.number(64)), element(0xBA, s.number(36)))
    codec = element(0x86, b"V_UNCOMPRESSED")
    track = element(0xAE, element(0xD7, b"\1"), element(0x73C5, b"\1"), element(0x83, b"\1"), codec, video, coding)
    block = element(0xA3, b"\x81\0\0\x80" + zlib.compress(bytes(8 << 20)))
    info = element(s.INFO, element(0x2AD7B1, s.number(1_000_000)), element(0x4489, struct.pack(">d", 1000)))
    (_, head), *_rest = s.elements(_mkv())
    body = element(s.TRACKS, track) + element(s.CLUSTER, element(0xE7, b"\0"), block * 200)
    yield "mkv", element(s.EBML, head) + element(s.SEGMENT, info, body)


def _dimensions(_: random.Random, __: Canary) -> Made:
    """Pictures larger than any memory."""
    whole = _mp4()
    at = whole.index(b"tkhd") + 4 + 76
    yield "mp4", whole[:at] + struct.pack(">II", 0xFFFF_0000, 0xFFFF_0000) + whole[at + 8 :]
    at = whole.index(b"avc1") + 4 + 24
    yield "mp4", whole[:at] + struct.pack(">HH", 65_535, 65_535) + whole[at + 4 :]
    matroska = _mkv()
    for name in (b"\xb0\x81\x40", b"\xba\x81\x24"):
        yield "mkv", matroska.replace(name, name[:1] + b"\x81\xff", 1)
    picture = made_by_ffmpeg("mov", "-c:v", "png", "-pix_fmt", "rgb24", seconds=0.2, sound=False)
    for width, height in ((30_000, 30_000), (0x7FFF_FFFF, 1), (0, 0)):
        yield "mov", picture.replace(b"IHDR" + struct.pack(">II", 64, 36), b"IHDR" + struct.pack(">II", width, height))
    motion = made_by_ffmpeg("avi", "-c:v", "mjpeg", "-pix_fmt", "yuvj420p", seconds=0.2, sound=False)
    size = struct.pack(">HH", 36, 64)
    yield "avi", motion.replace(b"\x08" + size, b"\x08" + struct.pack(">HH", 65_500, 65_500))


def _durations(_: random.Random, __: Canary) -> Made:
    """Films of centuries, of no time, and of no number."""
    whole = _mp4()
    at = whole.index(b"mvhd") + 4 + 12
    for scale, length in ((1, 0xFFFF_FFFF), (0, 1000), (0xFFFF_FFFF, 1)):
        yield "mp4", whole[:at] + struct.pack(">II", scale, length) + whole[at + 8 :]
    at = whole.index(b"stts") + 4 + 8
    yield "mp4", whole[:at] + struct.pack(">I", 0x7FFF_FFFF) + whole[at + 4 :]
    matroska = _mkv()
    at = matroska.index(b"\x44\x89\x88") + 3
    for value in (1e300, float("nan"), float("-inf"), -1.0, 1e12):
        yield "mkv", matroska[:at] + struct.pack(">d", value) + matroska[at + 8 :]
    riff = _avi()
    at = riff.index(b"avih") + 8
    yield "avi", riff[:at] + struct.pack("<I", 0xFFFF_FFFF) + riff[at + 4 : at + 16] + b"\xff" * 4 + riff[at + 20 :]


def _many(_: random.Random, __: Canary) -> Made:
    """Thousands of tracks, of chapters and of tags."""
    whole = boxes(_mp4())
    movie = boxes(dict(whole)[b"moov"])
    (track, *_) = [part for part in movie if part[0] == b"trak"]
    yield "mp4", rebuilt([(kind, rebuilt([*movie, *[track] * 3000]) if kind == b"moov" else x) for kind, x in whole])
    (_, head), (_, segment) = list(s.elements(_mkv()))[:2]
    parts = list(s.elements(segment))
    one = next(content for name, content in parts if name == s.TRACKS)
    for more in (
        (s.TRACKS, one * 2500),
        (s.CHAPTERS, element(0x45B9, element(0xB6, element(0x73C4, b"\1"), element(0x91, b"\0")) * 50_000)),
        (s.TAGS, element(0x7373, element(0x67C8, element(0x45A3, b"X"), element(0x4487, b"y" * 50)) * 50_000)),
    ):
        kept = [part for part in parts if part[0] != more[0]]
        ordered = [kept[0], more, *kept[1:]]
        yield "mkv", element(s.EBML, head) + element(s.SEGMENT, *(element(name, x) for name, x in ordered))


def _attached(_: random.Random, canary: Canary) -> Made:
    """Attachments that would be files elsewhere."""
    (_, head), (_, segment) = list(s.elements(_mkv()))[:2]
    font = b"\0\1\0\0" + bytes(600)
    far = f"../../../../../../tmp/{canary.escape}.ttf".encode()
    for names in ([far], [f"/tmp/{canary.escape}.ttf".encode()], [b"a\0b\n\x1b[2J.ttf"], [b"%s%n%d.ttf"] * 400):
        files = [
            element(0x61A7, element(0x466E, name), element(0x4660, b"font/ttf"), element(0x46AE, s.number(at + 1)),
                    element(0x465C, font))
            for at, name in enumerate(names)
        ]  # fmt: skip
        attached = element(s.ATTACHMENTS, *files)
        yield "mkv", element(s.EBML, head) + element(s.SEGMENT, segment, attached)


def _told(_: random.Random, canary: Canary) -> Made:
    """Texts of a file that want to be a path, a command, a line of a log or a page."""
    far = f"../../../../../../tmp/{canary.escape}"
    command, screen = f"$(touch /tmp/{canary.escape})", "\x1b]0;owned\x07\x1b[31m\r\n\u202egpj.exe"
    page, form, long = "<script>alert(1)</script>", "%s%n%x" * 50, "x" * 60_000
    for text in (far, command, screen, page, form, long, f"file:{canary.path}"):
        told = [part for key in ("title", "comment", "artist", "location") for part in ("-metadata", f"{key}={text}")]
        yield "mp4", _mp4(*told)
    for text in (far, "../x", "en\n#EXTM3U", "de,DEFAULT=YES"):
        tags = ("-metadata:s:a", f"language={text}", "-metadata:s:a", f"title={text}", "-metadata:s:v", f"title={text}")
        yield "mkv", _mkv(*tags)


def _nested(_: random.Random, __: Canary) -> Made:
    """Boxes in boxes, deeper than any stack."""
    whole = boxes(_mp4())
    for kind in (b"moov", b"udta", b"trak"):
        content = b"".join(struct.pack(">I4s", 8 * deep, kind) for deep in range(8000, 0, -1))
        yield "mp4", rebuilt(whole[:1]) + box(b"moov", content) + rebuilt(whole[1:])
    (_, head), (_, segment) = list(s.elements(_mkv()))[:2]
    for name, outer in ((0x67C8, s.TAGS), (0xB6, s.CHAPTERS)):
        content = b""
        for _ in range(3000):
            content = element(name, content)
        yield "mkv", element(s.EBML, head) + element(s.SEGMENT, element(outer, element(0x7373, content)), segment)


def _loops(_: random.Random, canary: Canary) -> Made:
    """References to themselves, and to what is not theirs."""
    for entry in (s.alias(canary.path), box(b"url ", bytes(4), f"file://{canary.path}".encode() + b"\0")):
        table = bytes(4) + struct.pack(">I", 1) + entry
        # The index of the other film, with a hint where its pictures are.
        index = [(kind, content) for kind, content in boxes(_red()) if kind != b"mdat"]
        yield "mov", s.changed(rebuilt(index), table, b"moov", b"trak", b"mdia", b"minf", b"dinf", b"dref")
    (_, head), (_, segment) = list(s.elements(_mkv()))[:2]
    to_itself = element(0x4DBB, element(0x53AB, s.SEEK_HEAD.to_bytes(4, "big")), element(0x53AC, b"\0"))
    seek = element(s.SEEK_HEAD, to_itself * 200)
    yield "mkv", element(s.EBML, head) + element(s.SEGMENT, seek, segment)
    cue = element(0xBB, element(0xB3, b"\0"), element(0xB7, element(0xF7, b"\1"), element(0xF1, b"\0")))
    yield "mkv", element(s.EBML, head) + element(s.SEGMENT, segment, element(s.CUES, cue * 5000))
    linked = element(0x45B9, element(0xB6, element(0x91, b"\0"), element(0x6E67, bytes(16))))
    yield "mkv", element(s.EBML, head) + element(s.SEGMENT, element(s.CHAPTERS, linked), segment)
    yield "mp4", _mp4() + box(b"sidx", bytes(20) + struct.pack(">HH", 0, 1) + b"\x80\0\0\0" + bytes(8)) * 100


_KINDS: Final[dict[str, Callable[[random.Random, Canary], Made]]] = {
    "cut": _cut, "swapped": _swapped, "lengths": _lengths, "voids": _voids, "disguised": _disguised, "bombs": _bombs,
    "dimensions": _dimensions, "durations": _durations, "many": _many, "attached": _attached, "told": _told,
    "nested": _nested, "loops": _loops, "flips": _flips,
}  # fmt: skip


def _sparse(_: Canary) -> Iterator[Hostile]:
    """A few bytes, and then nothing for a TiB."""
    large = 1 << 40
    whole = boxes(_mp4())
    promise = struct.pack(">I4sQ", 1, b"free", large - len(rebuilt(whole)))
    yield Hostile("sparse", "sparse-1.mp4", rebuilt(whole) + promise, large)
    yield Hostile("sparse", "sparse-2.mkv", b"", large)
    (_, head), (_, segment) = list(s.elements(_mkv()))[:2]
    rest = (large | 1 << 56).to_bytes(8, "big")
    yield Hostile("sparse", "sparse-3.mkv", element(s.EBML, head) + element(s.SEGMENT, segment, length=rest), large)
    yield Hostile("sparse", "sparse-4.avi", _avi(), large)


def _named(canary: Canary) -> Iterator[Hostile]:
    """Good films whose names are options, protocols, patterns, or of another world."""
    names = ("-i -f.mp4", "concat:a|b.mp4", "pipe:0.mp4", "%d %s %n.mp4", "a\n\x1b[2Jb.mp4", "$(id);`id`.mp4")
    for at, name in enumerate((*names, f"file:..%2f..%2f{canary.escape}.mp4", "\u202e4pm.exe.mp4")):
        yield Hostile("named", name, _mp4("-metadata", f"comment=named {at}"))


def _beside(canary: Canary) -> Iterator[Hostile]:
    """Subtitles that lie beside good films."""
    once = "1\n00:00:00,000 --> 00:00:01,000\n"
    script = f"[Script Info]\nScriptType: v4.00+\n[Fonts]\nfontname: ../../../tmp/{canary.escape}.ttf\n[Events]\n"
    style = f"STYLE\n::cue {{ background: url(file://{canary.path}) }}\n\n"
    texts = (
        ("srt", once + "x" * 3_000_000),
        ("srt", "".join(f"{at}\n00:00:00,{at % 1000:03} --> 00:00:01,000\n{at}\n\n" for at in range(60_000))),
        ("srt", once + f'<script src="file://{canary.path}"></script>{{\\fn../../{canary.escape}}}\n'),
        ("ass", script + "Format: Start, End, Text\nDialogue: 0:00:00.00,0:00:01.00,{\\p1}m 0 0\n"),
        ("vtt", f"WEBVTT\n\n{style}00:00.000 --> 00:01.000\n<b<i>"),
        ("srt", "\0\0\0\0" * 1000 + "\udcff"),
    )
    for at, (suffix, text) in enumerate(texts):
        film = _mp4("-metadata", f"comment=beside {at}")
        raw = text.encode("utf-8", "surrogateescape")
        yield Hostile("beside", f"beside-{at}.mp4", film, beside={f"beside-{at}.en.{suffix}": raw})


def inputs(canary: Canary) -> list[Hostile]:
    """All of them, in the order of their kinds."""
    chance = random.Random(_SEED)
    made = [
        Hostile(kind, f"{kind}-{at}.{suffix}", content)
        for kind, make in _KINDS.items()
        for at, (suffix, content) in enumerate(make(chance, canary), 1)
    ]
    return [*_sparse(canary), *_named(canary), *_beside(canary), *made][:NUMBER]


def few(canary: Canary) -> list[Hostile]:
    """The first one or more of each kind."""
    chance = random.Random(_SEED)
    more = {"bombs": 4, "disguised": 3, "told": 2, "loops": 2}
    made = [
        Hostile(kind, f"{kind}-{at}.{suffix}", content)
        for kind, make in _KINDS.items()
        for at, (suffix, content) in enumerate(islice(make(chance, canary), more.get(kind, 1)), 1)
    ]
    return [one for others in (_sparse, _named, _beside) for one in islice(others(canary), 1)] + made
