"""What is read from each kind of video. Real ffprobe in its sandbox; the files are made by ffmpeg."""

import subprocess
from pathlib import Path

import pytest

from media.sandbox import Sandbox
from testbed.services.library import Library, facts_of, made_by_ffmpeg

X264 = ("-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p")


@pytest.fixture(scope="module")
def sandbox() -> Sandbox:
    return Sandbox.of_system(2 << 30)


def test_every_format_is_listed_with_its_duration_and_resolution_and_published(library: Library) -> None:
    expected = {
        "mp4": ("h264", "aac", True),
        "m4v": ("h264", "aac", True),
        "mov": ("h264", "aac", True),
        "mkv": ("h264", "vorbis", False),
        "avi": ("mpeg4", "mp3", False),
        "webm": ("vp9", "opus", True),
    }
    for suffix in expected:
        library.put(f"clip.{suffix}", made_by_ffmpeg(suffix))
    library.scan()
    for suffix, (video, audio, direct) in expected.items():
        row = library.row(f"clip.{suffix}")
        assert row["status"] == "ready", row["status_reason"]
        assert row["container"] == suffix
        assert row["duration_seconds"] == pytest.approx(2, abs=0.15)
        assert (row["width"], row["height"], row["fps"]) == (64, 36, 25)
        assert (row["video_codec"], row["audio_codec"], row["direct_play"]) == (video, audio, direct)
        strings = library.query("SELECT codec_string FROM tracks WHERE video_id = %s ORDER BY position", row["id"])
        assert strings == [(row["video_codec_string"],), (row["audio_codec_string"],)]
        assert None not in strings[0] + strings[1]
        assert row["bitrate"] > 0
        assert library.published(f"clip.{suffix}") == ["poster.jpg", f"source.{suffix}"]
        kinds = library.query("SELECT kind FROM tracks WHERE video_id = %s ORDER BY position", row["id"])
        assert kinds == [("video",), ("audio",)]


def test_the_suffix_does_not_decide(library: Library) -> None:
    library.put("really-mkv.mp4", made_by_ffmpeg("mkv"))
    library.put("really-mp4.avi", made_by_ffmpeg("mp4"))
    library.put("REALLY-WEBM.MKV", made_by_ffmpeg("webm"))
    library.scan()
    assert library.published("really-mkv.mp4") == ["poster.jpg", "source.mkv"]
    assert library.published("really-mp4.avi") == ["poster.jpg", "source.mp4"]
    assert library.published("REALLY-WEBM.MKV") == ["poster.jpg", "source.webm"]


def test_the_poster_is_a_jpeg_no_wider_than_asked(library: Library) -> None:
    library.put("wide.mp4", made_by_ffmpeg("mp4", *X264, size="1280x720", seconds=1))
    library.scan()
    poster = library.titles / library.row("wide.mp4")["id"].hex / "poster.jpg"
    size = subprocess.run(
        ["ffprobe", "-v", "error", "-show_entries", "stream=codec_name,width,height", "-of", "csv=p=0", poster],
        check=True, capture_output=True, text=True,
    ).stdout.strip()  # fmt: skip
    assert size == "mjpeg,640,360"


def test_languages_subtitles_chapters_and_tags_are_read(sandbox: Sandbox, tmp_path: Path) -> None:
    (tmp_path / "sub.srt").write_text("1\n00:00:00,000 --> 00:00:01,000\nHello\n")
    (tmp_path / "meta.txt").write_text(
        ";FFMETADATA1\ntitle=A title\n[CHAPTER]\nTIMEBASE=1/1000\nSTART=0\nEND=1000\ntitle=One\n"
    )
    options = (
        "-i", str(tmp_path / "sub.srt"), "-i", str(tmp_path / "meta.txt"), "-map", "0", "-map", "1", "-map", "2",
        "-map_metadata", "3", "-c:s", "srt", "-metadata:s:a:0", "language=deu", "-metadata:s:a:0", "title=Ton",
        "-metadata:s:s:0", "language=fre", "-disposition:s:0", "forced",
    )  # fmt: skip
    probed = facts_of(sandbox, tmp_path, made_by_ffmpeg("mkv", *options), "video.mkv")
    assert [(t.kind, t.language, t.title, t.is_forced) for t in probed.tracks] == [
        ("video", None, None, False),
        ("audio", "deu", "Ton", False),
        ("subtitle", "fre", None, True),
    ]
    assert [chapter["title"] for chapter in probed.chapters] == ["One"]
    assert probed.tags["title"] == "A title"


def test_a_turned_video_is_listed_as_it_is_shown(sandbox: Sandbox, tmp_path: Path) -> None:
    flat, turned = tmp_path / "flat.mp4", tmp_path / "turned.mp4"
    flat.write_bytes(made_by_ffmpeg("mp4", *X264))
    by_option = ["ffmpeg", "-v", "error", "-display_rotation", "90", "-i", flat, "-c", "copy", turned]  # ffmpeg 6
    by_tag = ["ffmpeg", "-v", "error", "-i", flat, "-c", "copy", "-metadata:s:v", "rotate=90", "-n", turned]  # ffmpeg 5
    assert 0 in (
        subprocess.run(command, capture_output=True, check=False).returncode for command in (by_option, by_tag)
    )
    probed = facts_of(sandbox, tmp_path, turned.read_bytes(), "again.mp4")
    assert (probed.rotation % 180, probed.width, probed.height) == (90, 36, 64)


@pytest.mark.parametrize(("transfer", "kind"), [("smpte2084", "hdr10"), ("arib-std-b67", "hlg"), ("bt709", None)])
def test_high_dynamic_range_is_told_by_its_transfer(
    sandbox: Sandbox, tmp_path: Path, transfer: str, kind: str | None
) -> None:
    # Told to the encoder itself: ffmpeg 7 writes what its frames say in place of -color_trc.
    colours = f"colorprim=bt2020:transfer={transfer}:colormatrix=bt2020nc"
    options = (*X264, "-x264-params", colours)
    assert facts_of(sandbox, tmp_path, made_by_ffmpeg("mp4", *options)).hdr == kind


def test_ten_bit_video_is_not_for_direct_play(sandbox: Sandbox, tmp_path: Path) -> None:
    options = ("-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p10le")
    assert not facts_of(sandbox, tmp_path, made_by_ffmpeg("mp4", *options)).direct_play


def test_a_recording_without_a_length_is_measured(sandbox: Sandbox, tmp_path: Path) -> None:
    live = made_by_ffmpeg("webm", "-f", "webm", "-live", "1")
    probed = facts_of(sandbox, tmp_path, live, "live.webm")
    assert probed.duration_seconds == pytest.approx(2, abs=0.15)


def test_a_video_without_sound_and_one_of_high_dynamic_range_get_posters(library: Library) -> None:
    library.put("silent.mp4", made_by_ffmpeg("mp4", *X264, sound=False))
    hdr = ("-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p10le", "-color_trc", "smpte2084")
    library.put("hdr.mp4", made_by_ffmpeg("mp4", *hdr, "-color_primaries", "bt2020", "-colorspace", "bt2020nc"))
    assert library.scan().pictures == 2
    assert library.row("silent.mp4")["audio_codec"] is None
