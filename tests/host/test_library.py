"""The indexer did its work, by cron and without anybody's help."""

from pathlib import Path
from typing import Any

import pytest
from testinfra.host import Host

from testbed.viewers.box import Viewer
from testbed.waiting import eventually

CRON_MINUTES = 5


@pytest.mark.parametrize("container", ["mp4", "mkv", "avi", "mov", "webm", "m4v"])
def test_every_format_is_listed_with_what_ffprobe_says(admin: Viewer, host: Host, container: str) -> None:
    found = [video for video in admin.videos() if video["container"] == container and video["status"] == "ready"]
    assert found, f"no {container} in the library"
    video = found[0]
    source = next(entry["name"] for entry in video["files"] if entry["name"].startswith("source."))
    probed = host.check_output(
        "ffprobe -v error -select_streams v:0 -show_entries stream=width,height:format=duration -of csv=p=0 %s",
        f"/srv/kinetoscope/titles/{video['id']}/{source}",
    ).split()
    width, height = probed[0].split(",")[:2]
    assert (video["width"], video["height"]) == (int(width), int(height))
    assert video["duration_seconds"] == pytest.approx(float(probed[1]), abs=0.2)
    assert video["poster_href"]


def test_the_wire_format_of_a_video_is_the_contract(admin: Viewer, mp4: dict[str, Any]) -> None:
    video = admin.get(f"/api/v1/videos/{mp4['id']}").json()
    assert {
        "id", "title", "description", "tags", "filename", "container", "duration_seconds", "width", "height", "fps",
        "bitrate", "video_codec", "audio_codec", "size_bytes", "status", "status_reason", "files", "poster_href",
        "added_at", "direct_play",
    } <= video.keys()  # fmt: skip
    assert len(video["id"]) == 32
    assert video["direct_play"] is True


@pytest.mark.looks_back
@pytest.mark.timeout(CRON_MINUTES * 60 + 120)
def test_a_file_dropped_into_the_library_is_playable_after_the_next_cron_run(carol: Viewer, dropped_file: Path) -> None:
    def listed() -> dict[str, Any] | None:
        items = carol.get("/api/v1/videos", params={"q": dropped_file.stem, "limit": 100}).json()["items"]
        return next((video for video in items if video["filename"] == dropped_file.name), None)

    video = eventually(listed, within=CRON_MINUTES * 60 + 60, every=2)
    assert video, "cron's scan did not find the file"
    assert video["status"] == "ready"
    grant = carol.playback(video["id"])
    try:
        first = carol.get(grant["links"]["source"], headers={"Range": "bytes=0-99"})
        assert first.status_code == 206
    finally:
        carol.end(grant["playback_id"])


def test_cron_only_starts_the_unit(host: Host) -> None:
    lines = host.check_output("cat /etc/cron.d/kinetoscope-indexer").splitlines()
    jobs = [line for line in lines if line and line[0] in "*0123456789"]
    assert len(jobs) == 1
    assert "root systemctl start --no-block kinetoscope-indexer.service" in jobs[0] or (
        "root /usr/bin/systemctl start --no-block kinetoscope-indexer.service" in jobs[0]
    )
