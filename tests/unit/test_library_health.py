"""What a file is found to be like, and what helps it."""

from typing import Any

import pytest

from authsvc.library import health
from authsvc.library.health import Facts, Finding, Limits
from catalog.contract.words import CURABLE_FINDINGS, HEALTH_FINDINGS, HealthFinding, HealthRemedy

LIMITS = Limits(key_frame_seconds=10, peak_times=3)


def found(**facts: Any) -> list[Finding]:
    return health.findings(Facts(**facts), LIMITS)


@pytest.mark.parametrize(
    ("facts", "finding", "remedy", "said"),
    [
        ({"status": "broken", "status_reason": "The file is empty."}, "broken", "rescan", "The file is empty."),
        ({"status_reason": "It ends at 0:36 of 1:12."}, "incomplete", "by_hand", "0:36"),
        ({"direct_play": False, "container": "mkv"}, "not_everywhere", "transcode", "container: mkv"),
        ({"scan": "tff"}, "interlaced", "transcode", "fields"),
        ({"scan": "bff"}, "interlaced", "transcode", "fields"),
        ({"edit_list": "trims"}, "edit_list", "transcode", "edit list"),
        ({"key_frame_seconds": 10.4}, "sparse_key_frames", "transcode", "10 s apart"),
        ({"bitrate": 2_000_000, "peak_bitrate": 7_000_000}, "peaks", "transcode", "7.0 Mbit/s, 3.5 times"),
        ({"moov_position": "back"}, "moov_at_end", "none", "behind the film"),
        ({"open_gop": True}, "open_gop", "none", "key frame"),
        ({"has_subtitles": True}, "no_text_subtitles", "by_hand", "pictures"),
    ],
)
def test_each_finding_says_what_it_means_and_what_helps(
    facts: dict[str, Any], finding: HealthFinding, remedy: HealthRemedy, said: str
) -> None:
    (one,) = found(**facts)
    assert (one.finding, one.remedy) == (finding, remedy)
    assert said in one.sentence
    assert one.sentence.endswith(".")


@pytest.mark.parametrize(
    "facts",
    [
        {},
        {"status": "waiting", "status_reason": "The file is still being written.", "direct_play": False},
        {"key_frame_seconds": 10.0},
        {"bitrate": 2_000_000, "peak_bitrate": 6_000_000},
        {"peak_bitrate": 6_000_000},
        {"bitrate": 0, "peak_bitrate": 6_000_000},
        {"edit_list": "delays", "scan": "progressive", "open_gop": False, "moov_position": "front"},
        {"has_subtitles": True, "has_text_tracks": True},
        # The pictures have a text beside them.
        {"has_subtitles": True, "has_text": True},
    ],
)
def test_what_is_well_or_not_known_is_not_found(facts: dict[str, Any]) -> None:
    assert found(**facts) == []


def test_all_that_is_wrong_is_told_worst_first() -> None:
    every = found(
        status_reason="It ends early.", direct_play=False, container="avi", scan="tff", edit_list="trims",
        key_frame_seconds=20.0, bitrate=1, peak_bitrate=9, moov_position="back", open_gop=True, has_subtitles=True,
    )  # fmt: skip
    assert [one.finding for one in every] == [name for name in HEALTH_FINDINGS if name != "broken"]


def test_a_broken_file_is_nothing_else() -> None:
    every = found(status="broken", status_reason="It is empty.", direct_play=False, open_gop=True)
    assert [one.finding for one in every] == ["broken"]


def test_where_versions_are_kept_nothing_has_to_be_done_about_what_they_help() -> None:
    every = found(direct_play=False, container="mkv", scan="tff", has_subtitles=True, has_versions=True)
    assert [(one.finding, one.remedy) for one in every] == [
        ("not_everywhere", "none"), ("interlaced", "none"), ("no_text_subtitles", "by_hand"),
    ]  # fmt: skip
    assert "are kept" in every[0].sentence


@pytest.mark.parametrize(
    ("facts", "parts"),
    [
        ({"container": "mp4", "video_codec": "hevc", "audio_codec": "aac"}, ["picture: hevc"]),
        ({"container": "mp4", "video_codec": "h264", "audio_codec": "ac3"}, ["sound: ac3"]),
        ({"container": "webm", "video_codec": "vp9", "audio_codec": "aac"}, ["sound: aac"]),
        ({"container": "mkv", "video_codec": "h264", "audio_codec": "aac"}, ["container: mkv"]),
        ({"container": "mkv", "video_codec": "mpeg4", "audio_codec": "dts"},
         ["container: mkv", "picture: mpeg4", "sound: dts"]),
        ({"container": "mp4", "video_codec": "h264", "bit_depth": 10}, ["picture: 10 bits a sample"]),
        ({"container": "mp4", "video_codec": "hevc", "bit_depth": 10, "hdr": "hdr10"},
         ["picture: hevc", "picture: 10 bits a sample", "picture: HDR10"]),
        # 4:2:2 of 8 bits: nothing that is stored tells it apart.
        ({"container": "mp4", "video_codec": "h264", "bit_depth": 8}, ["picture: its format of colours"]),
        ({"container": None, "video_codec": None}, ["container: unknown", "picture: unknown"]),
    ],
)  # fmt: skip
def test_which_part_of_a_file_not_every_browser_plays(facts: dict[str, Any], parts: list[str]) -> None:
    assert health.obstacles(Facts(direct_play=False, **facts)) == parts
    assert health.obstacles(Facts(direct_play=True, **facts)) == []


def test_every_finding_has_its_meaning_and_those_that_a_press_helps_are_named() -> None:
    assert set(health.MEANINGS) == set(health.REMEDIES) == set(HEALTH_FINDINGS)
    assert set(CURABLE_FINDINGS) == {
        finding for finding, remedy in health.REMEDIES.items() if remedy in ("transcode", "rescan")
    }
