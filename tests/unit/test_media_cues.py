"""What becomes of subtitles: WebVTT with cue text and nothing else."""

import pytest

from media.cues import as_vtt, read


def texts(content: str, suffix: str = "srt", most: int = 100) -> list[str]:
    return [cue.text for cue in read(content, suffix, most)]


def srt(*said: str) -> str:
    return "\n".join(
        f"{number}\n00:00:0{number},000 --> 00:00:0{number},900\n{text}\n" for number, text in enumerate(said, 1)
    )


def test_an_srt_becomes_webvtt() -> None:
    content = (
        "1\r\n00:00:01,500 --> 00:00:02,000\r\nOne\r\nline more\r\n\r\n2\r\n01:02:03,004 --> 01:02:05,5\r\nTwo\r\n"
    )
    assert as_vtt(read(content, "srt", 100)) == (
        "WEBVTT\n\n00:00:01.500 --> 00:00:02.000\nOne\nline more\n\n01:02:03.004 --> 01:02:05.500\nTwo\n"
    )


def test_an_empty_line_within_a_cue_and_a_number_that_is_text_are_kept() -> None:
    assert texts("7\n00:01 --> 00:02\nx") == ["x"]
    content = "1\n00:00:01,000 --> 00:00:02,000\nOne\n\nafter a gap\n\n2\n00:00:03,000 --> 00:00:04,000\n1984\n"
    assert texts(content) == ["One\nafter a gap", "1984"]


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("<i>leaning</i> <b>bold</b>", "<i>leaning</i> <b>bold</b>"),
        ("<I>left open", "<i>left open</i>"),
        ("<i><b>crossed</i></b>", "<i><b>crossed</b></i>"),
        ('<font color="#ff0000">red</font>', "red"),
        ("<script>alert(1)</script>", "alert(1)"),
        ("<img src=x onerror=alert(1)>seen", "seen"),
        ("&lt;script&gt;x", "&lt;script&gt;x"),
        ("a < b & c --> d", "a &lt; b &amp; c --&gt; d"),
        ("I <3 you", "I &lt;3 you"),
        (r"{\an8}above {music}", "above {music}"),
        (r"{\i1}leaning{\i0} not", "<i>leaning</i> not"),
        ("a\x00b\u202ec\x1b[31m", "a b c [31m"),
        ("WEBVTT\nNOTE x\nSTYLE\n::cue{}", "WEBVTT\nNOTE x\nSTYLE\n::cue{}"),
    ],
)
def test_nothing_but_cue_text_is_left(written: str, shown: str) -> None:
    assert texts(srt(written)) == [shown]


def test_what_shows_nothing_or_ends_before_it_begins_is_left_out() -> None:
    assert texts(srt("<i> </i>", "\u200b", "{\\an8}", "seen")) == ["seen"]
    assert texts("1\n00:00:05,000 --> 00:00:04,000\nback\n") == []


def test_of_webvtt_names_settings_notes_and_styles_go() -> None:
    content = """WEBVTT - of somebody

STYLE
::cue { background: url(https://evil.example/) }

NOTE a remark
00:00 is no cue

intro
00:01.000 --> 00:02.500 line:0 position:20%
<v Ann>Hello <c.loud>there</c> <00:00:01.500>friend

00:03.000 --> 00:04.000
Second
"""
    assert as_vtt(read(content, "vtt", 100)) == (
        "WEBVTT\n\n00:00:01.000 --> 00:00:02.500\nHello there friend\n\n00:00:03.000 --> 00:00:04.000\nSecond\n"
    )


def test_of_ass_the_dialogue_is_read_without_drawings_and_comments() -> None:
    content = r"""[Script Info]
[V4+ Styles]
Format: Name, Fontname
Style: Default,Arial
[Events]
Format: Layer, Start, End, Style, Name, MarginL, MarginR, MarginV, Effect, Text
Comment: 0,0:00:00.00,0:00:01.00,Default,,0,0,0,,not this
Dialogue: 0,0:00:03.50,0:00:04.00,Default,,0,0,0,,later, with a comma
Dialogue: 0,0:00:01.00,0:00:02.00,Default,,0,0,0,,{\pos(1,2)\i1}two\Nlines{\i0}{a comment}
Dialogue: 1,0:00:01.00,0:00:02.00,Default,,0,0,0,,{\i1}two\Nlines
Dialogue: 0,0:00:05.00,0:00:06.00,Default,,0,0,0,,{\p1}m 0 0 l 100 0{\p0}
"""
    cues = read(content, "ass", 100)
    assert [(cue.start, cue.end, cue.text) for cue in cues] == [
        (1.0, 2.0, "<i>two\nlines</i>"),
        (3.5, 4.0, "later, with a comma"),
    ]


def test_so_many_cues_are_taken_and_no_endless_one() -> None:
    assert len(texts(srt(*"abcdefgh"), most=5)) == 5
    (endless,) = texts(srt("x" * 100_000))
    assert len(endless) == 2000


def test_nonsense_is_no_subtitle() -> None:
    for suffix in ("srt", "vtt", "ass"):
        assert texts("\x7fELF\x00\x01 --> \n-->\n00:00:00,000 --> \nDialogue: ,,,\n" * 10, suffix) == []
