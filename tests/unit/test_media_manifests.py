"""What is written into manifests of subtitles, and that it can be written again."""

import re
from pathlib import Path
from xml.dom import minidom

from media.manifests import Ranges, Text, in_dash, in_hls, playlist, ranges, with_every_sound
from media.material import Sound, surrounds
from media.packager import Packed, packed_sounds

MASTER = """#EXTM3U

#EXT-X-MEDIA:TYPE=AUDIO,URI="a-und-0123abcd.m3u8",GROUP-ID="sound",NAME="und",DEFAULT=NO

#EXT-X-STREAM-INF:BANDWIDTH=1,AUDIO="sound",CLOSED-CAPTIONS=NONE
v360-0123abcd.m3u8

#EXT-X-I-FRAME-STREAM-INF:BANDWIDTH=1,URI="iframes-360-0123abcd.m3u8"
"""
MANIFEST = """<MPD>
  <Period id="0">
    <AdaptationSet id="0" contentType="video">
    </AdaptationSet>
  </Period>
</MPD>
"""
SPOKEN = Text("sub-en", "en", 'Say "it" & <go>\n', True, False, False, "sub-en-0123abcd.mp4", Ranges(700, 800, 1000))
SIGNS = Text("sub-en-forced", "en", None, True, True, False, "sub-en-forced-0123abcd.mp4", Ranges(7, 8, 9))
HEARD = Text("sub-und-sdh", "und", None, False, False, True)


def test_players_of_hls_are_told_what_each_is_for() -> None:
    told = in_hls(MASTER, [SPOKEN, SIGNS, HEARD]).splitlines()
    media = [line.partition(":")[2] for line in told if "TYPE=SUBTITLES" in line]
    assert media == [
        (
            'TYPE=SUBTITLES,URI="sub-en.m3u8",GROUP-ID="text",LANGUAGE="en",NAME="Say \'it\' & <go>",DEFAULT=YES,'
            "AUTOSELECT=YES,FORCED=NO"
        ),
        (
            'TYPE=SUBTITLES,URI="sub-en-forced.m3u8",GROUP-ID="text",LANGUAGE="en",NAME="en (forced)",DEFAULT=NO,'
            "AUTOSELECT=YES,FORCED=YES"
        ),
        (
            'TYPE=SUBTITLES,URI="sub-und-sdh.m3u8",GROUP-ID="text",NAME="und (SDH)",DEFAULT=NO,AUTOSELECT=YES,'
            "FORCED=NO,"
            'CHARACTERISTICS="public.accessibility.transcribes-spoken-dialog,'
            'public.accessibility.describes-music-and-sound"'
        ),
    ]
    streams = [line for line in told if "STREAM-INF" in line]
    assert [('SUBTITLES="text"' in line, "I-FRAME" in line) for line in streams] == [(True, False), (False, True)]


def test_players_of_dash_are_told_what_each_is_for() -> None:
    document = minidom.parseString(in_dash(MANIFEST, [SPOKEN, SIGNS, HEARD], 100))  # noqa: S318  # ours
    sets = document.getElementsByTagName("AdaptationSet")[1:]
    assert [[role.getAttribute("value") for role in one.getElementsByTagName("Role")] for one in sets] == [
        ["subtitle", "main"],
        ["forced-subtitle"],
    ], "one that there is no MP4 of is not offered"
    assert sets[0].getElementsByTagName("Label")[0].firstChild.data == "Say 'it' & <go>"
    assert sets[0].getElementsByTagName("SegmentBase")[0].getAttribute("indexRange") == "700-799"
    assert sets[0].getElementsByTagName("Initialization")[0].getAttribute("range") == "0-699"
    assert sets[0].getElementsByTagName("Representation")[0].getAttribute("bandwidth") == "80"


def test_what_was_written_before_is_replaced() -> None:
    both, one = [SPOKEN, SIGNS], [HEARD]
    assert in_hls(in_hls(MASTER, both), both) == in_hls(MASTER, both)
    assert in_hls(in_hls(MASTER, both), one) == in_hls(MASTER, one)
    assert in_hls(in_hls(MASTER, both), []) == MASTER
    assert in_dash(in_dash(MANIFEST, both, 9), both, 9) == in_dash(MANIFEST, both, 9)
    assert in_dash(in_dash(MANIFEST, both, 9), [], 9) == MANIFEST


def test_two_of_one_name_can_be_told_apart() -> None:
    told = in_hls(MASTER, [Text(f"sub-en{more}", "en", "English", False, False, False) for more in ("", "-2")])
    assert 'NAME="English",' in told
    assert 'NAME="English sub-en-2",' in told


def test_a_sound_has_the_same_name_in_5_1() -> None:
    sounds = [Sound(1, "ger", is_default=True), Sound(2, "ger", is_default=False, channels=6)]
    told = [re.findall("hls_group_id=(.*),hls_name=(.*),dash", one.descriptor)[0] for one in _packed(sounds)]
    assert told == [("sound", "ger"), ("sound", "ger 2"), ("surround", "ger 2")]
    media = [f'#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="{group}",NAME="{name}"\n' for group, name in told]
    lacking = '#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="surround",NAME="ger"\n'
    assert with_every_sound("".join(media) + "\n") == "".join(media) + lacking + "\n"
    assert with_every_sound(media[0]) == media[0]


def _packed(sounds: list[Sound]) -> list[Packed]:
    return packed_sounds([*sounds, *surrounds(sounds)])


def test_a_playlist_has_the_film_s_length() -> None:
    assert playlist(SPOKEN, 61.2).splitlines()[2:] == [
        "#EXT-X-TARGETDURATION:62", "#EXT-X-PLAYLIST-TYPE:VOD", "#EXTINF:61.200,", "sub-en.vtt", "#EXT-X-ENDLIST",
    ]  # fmt: skip


def test_an_index_is_found_or_there_is_none(tmp_path: Path) -> None:
    path = tmp_path / "text.mp4"
    box = b"\0\0\0\x0cmoovabcd"
    path.write_bytes(box + b"\0\0\0\x10sidx12345678" + b"rest")
    assert ranges(path) == Ranges(12, 28, 32)
    for content in (b"", box, b"\0\0\0\0moov", b"\0\0"):
        path.write_bytes(content)
        assert ranges(path) is None
