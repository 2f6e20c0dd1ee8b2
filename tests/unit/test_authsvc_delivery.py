"""By which ways a device gets a title, and why not by others: every kind of title on every kind of device."""

import itertools
import re
from dataclasses import replace

import pytest

from authsvc.watching.abilities import LONGEST_TYPE, PLAYERS, QUESTIONS, Abilities, failing, is_media_type, said
from authsvc.watching.codecs import covers
from authsvc.watching.delivery import Delivery, Facts, Preferences, decide, needs_renditions

CHROMIUM = (
    "video/mp4", "video/webm", "video/matroska", 'video/mp4; codecs="avc1.640033"', 'video/mp4; codecs="av01.0.13M.10"',
    'video/webm; codecs="vp8"', 'video/webm; codecs="vp09.02.51.10"', 'audio/mp4; codecs="mp4a.40.29"',
    'audio/webm; codecs="opus"', 'audio/wav; codecs="1"',
)  # fmt: skip
MOVIE = Facts(
    names={"source.mp4"}, container="mp4", height=1080, bitrate=5_000_000, video_codec="h264", audio_codec="aac",
    video_codec_string="avc1.640028", audio_codec_string="mp4a.40.2", direct_play=True, made_now=True,
)  # fmt: skip
DISC = replace(
    MOVIE, names={"source.mkv"}, container="mkv", video_codec="hevc", audio_codec="ac3", direct_play=False,
    video_codec_string="hvc1.2.4.L120.90", audio_codec_string="ac-3",
)  # fmt: skip
MADE = {"master.m3u8", "manifest.mpd"}


# A film whose picture browsers decode, and not its sound.
REPACKAGED = replace(
    MOVIE, names={"source.mkv"}, container="mkv", audio_codec="ac3", audio_codec_string="ac-3", direct_play=False,
    repackaged=True,
)  # fmt: skip


def kept(facts: Facts) -> Facts:
    return replace(facts, names={*facts.names, *MADE}, made_now=False)


def links(delivery: Delivery) -> list[str]:
    return [way.link for way in delivery.ways]


def why_not(facts: Facts, abilities: Abilities) -> list[str]:
    return [way.reason for way in decide(facts, Preferences(), abilities).refused if way.link == "source"]


@pytest.mark.parametrize(
    ("facts", "abilities", "expected"),
    [
        (MOVIE, said(CHROMIUM), ["source", "now"]),
        (kept(MOVIE), said(CHROMIUM), ["source", "dash", "hls"]),
        (kept(MOVIE), said(CHROMIUM, kind="phone"), ["source", "hls", "dash"]),
        (DISC, said(CHROMIUM), ["now"]),
        (kept(DISC), said(CHROMIUM), ["dash", "hls"]),
        (kept(DISC), said(CHROMIUM, manifests=("hls",)), ["hls"]),
        (kept(DISC), said(CHROMIUM, manifests=()), []),
        (replace(DISC, made_now=False), said(CHROMIUM), []),
        (REPACKAGED, said(CHROMIUM), ["now"]),
        (kept(REPACKAGED), said(CHROMIUM), ["dash", "hls"]),
        (DISC, PLAYERS["vlc"], ["source", "now"]),
        (kept(DISC), PLAYERS["vlc"], ["source", "hls"]),
        (kept(DISC), PLAYERS["mpv"], ["source", "hls"]),
        (DISC, PLAYERS["television"], ["source", "now"]),
        (replace(DISC, audio_codec="dts", audio_codec_string="dtsl"), PLAYERS["television"], ["now"]),
        (kept(replace(DISC, audio_codec="dts", audio_codec_string="dtsl")), PLAYERS["television"], ["hls"]),
        # Nothing was told: what every browser plays.
        (MOVIE, None, ["source", "now"]),
        (DISC, None, ["now", "source"]),
        (kept(DISC), None, ["dash", "hls", "source"]),
        (replace(DISC, made_now=False), None, ["source"]),
        (Facts(names=()), None, []),
        (Facts(names=MADE), None, ["dash", "hls"]),
        (Facts(names=MADE), said(CHROMIUM), ["dash", "hls"]),
    ],
)
def test_the_source_comes_first_then_what_is_kept_then_what_is_made(
    facts: Facts, abilities: Abilities | None, expected: list[str]
) -> None:
    delivery = decide(facts, Preferences(), abilities)
    assert links(delivery) == expected
    assert all(way.reason for way in (*delivery.ways, *delivery.refused))
    assert delivery.reason


@pytest.mark.parametrize(
    ("facts", "abilities", "way"),
    [
        (REPACKAGED, said(CHROMIUM), "repackaged"),
        (REPACKAGED, None, "repackaged"),
        # Who does not decode that picture gets another one, for now.
        (REPACKAGED, said(["video/mp4", "avc1.64001F", "mp4a.40.2"]), "made_now"),
        (DISC, said(CHROMIUM), "made_now"),
        (DISC, None, "made_now"),
    ],
)
def test_what_is_repackaged_is_told_as_such(facts: Facts, abilities: Abilities | None, way: str) -> None:
    delivery = decide(facts, Preferences(), abilities)
    assert [(one.way, one.link) for one in delivery.ways if one.link == "now"] == [(way, "now")]
    told = {
        "repackaged": "The picture is copied, only the container and the sound are made anew.",
        "made_now": "It is made while it is watched.",
    }
    assert delivery.reason == told[way]


INTERLACED = replace(MOVIE, scan="tff")


@pytest.mark.parametrize(
    ("facts", "preferences", "abilities", "expected"),
    [
        (INTERLACED, Preferences(), said(CHROMIUM), ["now", "source"]),
        (kept(INTERLACED), Preferences(), said(CHROMIUM, kind="phone"), ["hls", "dash", "source"]),
        (INTERLACED, Preferences(), None, ["now", "source"]),
        (INTERLACED, Preferences(device_kind="player"), None, ["source", "now"]),
        (INTERLACED, Preferences(), PLAYERS["vlc"], ["source", "now"]),
        (INTERLACED, Preferences(), PLAYERS["television"], ["source", "now"]),
        # Combs, rather than nothing.
        (replace(INTERLACED, made_now=False), Preferences(), said(CHROMIUM), ["source"]),
    ],
)
def test_fields_are_not_shown_as_one_picture_where_something_else_is_to_be_had(
    facts: Facts, preferences: Preferences, abilities: Abilities | None, expected: list[str]
) -> None:
    delivery = decide(facts, preferences, abilities)
    assert links(delivery) == expected
    if expected == ["source"]:
        assert delivery.reason == "This title has its source only, which is interlaced."
    assert needs_renditions(facts, preferences, abilities) == (
        (expected[0] != "source" and "hls" not in expected) or expected == ["source"]
    )


@pytest.mark.parametrize(
    ("peak", "first"), [(None, "source"), (5_000_000, "source"), (12_000_000, "source"), (12_000_001, "dash")]
)
def test_a_peak_that_a_player_can_hold_ahead_is_no_reason_for_less(peak: int | None, first: str) -> None:
    facts = replace(kept(MOVIE), peak_bitrate=peak)
    assert links(decide(facts, Preferences(bandwidth_bps=6_000_000), said(CHROMIUM)))[0] == first


@pytest.mark.parametrize(
    ("facts", "abilities", "reasons"),
    [
        (MOVIE, said(CHROMIUM), []),
        (DISC, said(CHROMIUM), [
            "picture: hvc1.2.4.L120.90 is not decoded here", "sound: ac-3 is not decoded here"]),
        (replace(MOVIE, container="avi"), said(CHROMIUM), ["container: avi is not read here"]),
        (replace(MOVIE, audio_codec="wmav2", audio_codec_string=None), said(CHROMIUM), [
            "sound: wmav2 is not decoded here"]),
        (replace(MOVIE, audio_codec=None, audio_codec_string=None), said(CHROMIUM), []),
        (replace(MOVIE, container="mkv", audio_codec="pcm_s16le", audio_codec_string=None), said(CHROMIUM), []),
        # Opus in MP4 is another question than in WebM, and Matroska holds both.
        (replace(MOVIE, audio_codec="opus", audio_codec_string="opus"), said(CHROMIUM), [
            "sound: opus is not decoded here"]),
        (replace(MOVIE, container="mkv", audio_codec="opus", audio_codec_string="opus"), said(CHROMIUM), []),
        (replace(MOVIE, video_codec_string=None), said(CHROMIUM), []),
        (replace(DISC, video_codec_string=None), said(CHROMIUM), ["picture: hevc has no name to ask about"]),
        (MOVIE, said(CHROMIUM, ['video/mp4; codecs="AVC1.640028"']), [
            "picture: avc1.640028 is known to fail here"]),
        (MOVIE, said(CHROMIUM, ['video/webm; codecs="avc1.640028"']), []),
        (MOVIE, said(CHROMIUM, ["mp4a.40.2"]), ["sound: mp4a.40.2 is known to fail here"]),
        (MOVIE, said(CHROMIUM, max_height=720), ["picture: 1080 lines are more than this device shows (720)"]),
        (replace(MOVIE, hdr="dolby-vision"), said(CHROMIUM), []),
        (replace(MOVIE, hdr="dolby-vision"), said(CHROMIUM, hdr=frozenset({"hdr10"})), [
            "picture: Dolby Vision is not shown here"]),
        (replace(DISC, hdr="hdr10"), PLAYERS["television"], []),
        (DISC, failing(PLAYERS["vlc"], ["hvc1.2.4.L120.90"]), [
            "picture: hvc1.2.4.L120.90 is known to fail here"]),
    ],
)  # fmt: skip
def test_what_is_refused_says_why(facts: Facts, abilities: Abilities, reasons: list[str]) -> None:
    assert why_not(facts, abilities) == reasons


def test_who_decodes_nothing_that_is_made_is_told_so() -> None:
    delivery = decide(kept(DISC), Preferences(), said(["video/webm", "vp8", "opus"]))
    assert not delivery.ways
    assert {(way.link, way.reason) for way in delivery.refused if way.link != "source"} == {
        (link, f"{reason} is not decoded here")
        for link in ("hls", "dash")
        for reason in ("picture: avc1.64001F", "sound: mp4a.40.2")
    }
    assert delivery.reason == "container: mkv is not read here"


@pytest.mark.parametrize(
    ("preferences", "abilities", "expected", "height"),
    [
        (Preferences(quality="720p"), said(CHROMIUM), ["dash", "hls", "source"], 720),
        (Preferences(quality="1080p"), said(CHROMIUM), ["source", "dash", "hls"], 1080),
        (Preferences(bandwidth_bps=3_000_000), said(CHROMIUM), ["dash", "hls", "source"], 720),
        (Preferences(quality="480p"), None, ["dash", "hls", "source"], 480),
        (Preferences(quality="480p", device_kind="phone"), None, ["hls", "dash", "source"], 480),
        (
            Preferences(quality="480p", device_kind="phone"),
            said(CHROMIUM, kind="browser"),
            ["dash", "hls", "source"],
            480,
        ),
        (Preferences(quality="1080p"), said(CHROMIUM, max_height=480), ["dash", "hls"], 480),
        # VLC seeks in a manifest, mpv does not: the file is what it can use.
        (Preferences(quality="480p"), PLAYERS["vlc"], ["hls", "source"], 480),
        (Preferences(quality="480p"), PLAYERS["mpv"], ["source", "hls"], 480),
        (Preferences(quality="480p"), PLAYERS["kodi"], ["source", "hls"], 480),
    ],
)
def test_what_the_viewer_prefers_is_obeyed(
    preferences: Preferences, abilities: Abilities | None, expected: list[str], height: int
) -> None:
    delivery = decide(kept(MOVIE), preferences, abilities)
    assert (links(delivery), delivery.max_height) == (expected, height)


def test_a_bandwidth_is_the_rate_and_the_reason() -> None:
    delivery = decide(kept(MOVIE), Preferences(bandwidth_bps=800_000, language="fi"), said(CHROMIUM))
    assert (delivery.rate_bytes_per_second, delivery.max_height, delivery.language) == (100_000, 360, "fi")
    assert delivery.reason == "The source is larger than the bandwidth you prefer."
    alone = decide(replace(MOVIE, made_now=False), Preferences(quality="480p"))
    assert alone.reason == "This title has its source only, which is larger than you prefer."


def test_every_title_on_every_device_has_each_link_once_and_never_one_that_is_not_there() -> None:
    files = ({"source.mkv"}, {"source.mkv", "master.m3u8"}, MADE, {"source.mp4", *MADE}, set[str]())
    devices = (None, said(CHROMIUM), said(["vp8"]), *PLAYERS.values())
    wishes = (Preferences(), Preferences(quality="480p"), Preferences(bandwidth_bps=500_000, device_kind="player"))
    there = {"source": "source.", "hls": "master.m3u8", "dash": "manifest.mpd"}
    for names, device, wish, facts, now in itertools.product(files, devices, wishes, (MOVIE, DISC), (True, False)):
        facts = replace(facts, names=names, made_now=now)
        delivery = decide(facts, wish, device)
        told = links(delivery)
        assert len(told) == len(set(told))
        assert not set(told) & {way.link for way in delivery.refused}
        for link in told:
            assert now if link == "now" else any(name.startswith(there[link]) for name in names)
        if needs_renditions(facts, wish, device):
            assert not MADE & set(names)


@pytest.mark.parametrize(
    ("named", "wanted", "expected"),
    [
        ("avc1.640033", "avc1.64001F", True), ("avc1.640028", "avc1.640033", False),
        ("avc1.640028", "avc1.4D401F", True), ("avc1.4D4028", "avc1.64001F", False),
        ("avc1.6E0033", "avc1.640028", True), ("avc1.640033", "avc1.6E0028", False),
        ("avc1.640033", "avc3.640028", False), ("avc1.58001F", "avc1.42001F", False),
        ("AVC1.640028", "avc1.640028", True), ("hvc1.2.4.L153.90", "hvc1.1.6.L120.90", True),
        ("hvc1.1.6.L153.90", "hvc1.2.4.L120.90", False), ("hvc1.2.4.L120.90", "hvc1.2.4.L153.90", False),
        ("hvc1.2.4.L153.90", "hev1.2.4.L153.90", False), ("hvc1.2.4.H153.90", "hvc1.2.4.L153.90", True),
        ("av01.0.13M.10", "av01.0.08M.08", True), ("av01.0.13M.08", "av01.0.08M.10", False),
        ("vp09.02.51.10", "vp09.00.41.08", True), ("vp9", "vp09.00.51.08", True), ("vp9", "vp09.02.51.10", False),
        ("dvh1.05.06", "dvh1.05.03", True), ("dvh1.08.06", "dvh1.05.06", False), ("mp4a.40.29", "mp4a.40.2", True),
        ("mp4a.40.2", "mp4a.40.5", False), ("mp4a.40.42", "mp4a.40.2", False), ("mp3", "mp4a.6B", True),
        ("ec-3", "ac-3", True), ("ac-3", "ec-3", False), ("dtsl", "dtsc", True), ("fLaC", "flac", True),
        ("vp8", "vp9", False), ("x", "x", True), ("", "avc1.640028", False),
    ],
)  # fmt: skip
def test_who_decodes_a_level_decodes_those_below(named: str, wanted: str, expected: bool) -> None:
    assert covers(named, wanted) is expected


def test_what_is_asked_is_what_can_be_answered() -> None:
    assert all(is_media_type(question) for question in QUESTIONS)
    assert len(QUESTIONS) == len(set(QUESTIONS)) <= 64
    everything = said(QUESTIONS)
    for facts in (MOVIE, DISC, replace(MOVIE, audio_codec="opus", audio_codec_string="opus")):
        assert why_not(facts, everything) == []


@pytest.mark.parametrize(
    "text",
    ["", "-f", "--codecs", "-i /etc/passwd", "video/mp4; codecs=\"-c copy\"", "video/mp4;\ncodecs=\"vp8\"", "video/",
     "text/html", "avc1.640028\n", "a" * 65, "vp8, vp9", f'video/mp4; codecs="{"a" * 64},{"b" * 64},{"c" * 64}"',
     "video/mp4; codecs=\"a,b,c,d,e\"", "\N{CYRILLIC SMALL LETTER A}vc1", "../vp8", "vp8;vp9", "$(vp8)"],
)  # fmt: skip
def test_what_is_no_media_type_is_not_taken_for_one(text: str) -> None:
    assert not is_media_type(text)
    if len(text) <= LONGEST_TYPE:
        with pytest.raises(ValueError, match=re.escape(text)):
            said([text])
