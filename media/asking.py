"""The questions that are put to ffprobe and ffmpeg about one open file, each in a sandbox of its own."""

import json
import re
from dataclasses import dataclass
from typing import Any

import ffmpeg

# What ffmpeg.probe() builds its own command with; that function would also run it, outside any sandbox.
from ffmpeg._utils import convert_kwargs_to_cmd_line_args

from media.child import Outcome
from media.faults import NO_DURATION, Fault
from media.loader import ffprobe
from media.report import sections
from media.sandbox import VIDEO, Sandbox
from media.settings import MediaSettings
from media.sniff import Container, Family

# Lossy filters after decoding are left out: whether a picture can be decoded is asked, not how it looks.
_QUICKLY: dict[str, Any] = {"threads": 1, "skip_loop_filter:v": "all"}
# So many packets are read from each place: enough for a key frame among the usual tracks, and few where all are keys.
_PACKETS = 12
# Enough to see which intervals between pictures are usual.
_TIMED_PACKETS = 300
_BEYOND_ANY_END = 100_000_000  # seconds; a demuxer goes to the last key frame then
# A line of ffprobe's dumps: where it stands, and sixteen bytes in pairs.
_DUMPED = re.compile(r"[0-9a-f]{8}: ((?:[0-9a-f]{2}(?:[0-9a-f]{2})? ?){1,8})", re.ASCII)
_MEASURE_OUTPUT_BYTES = 65_536


def input_options(container: Container) -> dict[str, Any]:
    """The options that make ffmpeg read the file as `container` and open nothing else."""
    options: dict[str, Any] = {
        "f": container.family.value,
        "format_whitelist": container.family.value,
        "protocol_whitelist": "file",
    }
    if container.family is Family.ISO:  # a track's samples may be declared to lie in another file (dref)
        options |= {"enable_drefs": 0, "use_absolute_path": 0}
    return options


@dataclass(frozen=True, slots=True)
class Asking:
    """One open file, and what asks about it. All methods raise `SandboxError` when no tool could run."""

    sandbox: Sandbox
    settings: MediaSettings
    descriptor: int
    container: Container

    def report(self, middle_seconds: float | None) -> Outcome | Fault:
        """Format, streams and chapters as JSON; also the key frames decoded at the start, at `middle_seconds` and
        at the end, and the packets read there, unless that is None.

        One run answers all: nine tenths of a run are its start.
        """
        options: dict[str, Any] = {"show_format": None, "show_streams": None, "show_chapters": None}
        if middle_seconds is not None:
            places = ("", f"{middle_seconds:.3f}", f"{_BEYOND_ANY_END}")
            options |= _QUICKLY | {
                "skip_frame:v": "nokey",
                "show_entries": "packet=stream_index,flags,pts_time,pos:frame=stream_index",
                "read_intervals": ",".join(f"{place}%+#{_PACKETS}" for place in places),
            }
        return self._ffprobe(options, self.settings.probe_timeout_seconds)

    def decodes(self, track: int, at_seconds: float) -> bool | Fault:
        """Does a picture of the track come out, from the key frame at or before a time on?"""
        place = f"{at_seconds:.3f}" if at_seconds > 0 else ""
        options = _QUICKLY | {
            "select_streams": track,
            "show_entries": "frame=stream_index",
            "read_intervals": f"{place}%+#{_PACKETS}",
        }
        outcome = self._ffprobe(options, self.settings.measure_timeout_seconds)
        return outcome if isinstance(outcome, Fault) else bool((parsed(outcome) or {}).get("frames"))

    def times(self, track: int, at_seconds: float) -> list[float] | Fault:
        """When pictures of the track are shown, in seconds: of its first ones, and of as many from a time on."""
        options = {
            "select_streams": track,
            "show_entries": "packet=pts_time",
            "read_intervals": f"%+#{_TIMED_PACKETS},{at_seconds:.3f}%+#{_TIMED_PACKETS}",
        }
        outcome = self._ffprobe(options, self.settings.measure_timeout_seconds)
        if isinstance(outcome, Fault):
            return outcome
        told = [packet.get("pts_time") for packet in (parsed(outcome) or {}).get("packets", [])]
        return [float(time) for time in told if time is not None]

    def header(self, track: int) -> str:
        """What a codec's decoder begins with (ffmpeg's extradata), as Latin-1; empty where there is none."""
        options = {"select_streams": track, "show_entries": "stream=extradata", "show_data": None}
        outcome = self._ffprobe(options, self.settings.probe_timeout_seconds)
        report = {} if isinstance(outcome, Fault) else parsed(outcome) or {}
        dumped = "".join(str(stream.get("extradata", "")) for stream in sections(report.get("streams")))
        lines = (_DUMPED.match(line) for line in dumped.splitlines())
        return bytes.fromhex("".join(line[1] for line in lines if line)).decode("latin-1")

    def measured_seconds(self, track: int) -> float | Fault:
        """Where the track's last packet that can be read ends. Reads the whole file."""
        source = ffmpeg.input(f"file:{VIDEO}", **input_options(self.container))
        command = ffmpeg.output(source[str(track)], "pipe:", f="null", c="copy").global_args(
            "-nostdin", "-v", "error", "-nostats", "-progress", "pipe:1", "-stats_period", "60"
        )
        outcome = self.sandbox.run(
            command.compile(),
            self.descriptor,
            seconds=self.settings.measure_timeout_seconds,
            output_bytes=_MEASURE_OUTPUT_BYTES,
        )
        if isinstance(outcome, Fault):
            return outcome
        seconds = 0.0
        for line in outcome.output.decode("ascii", "replace").splitlines():
            key, _, value = line.partition("=")
            if key == "out_time_us" and value.lstrip("-").isdigit():
                seconds = int(value) / 1e6
        return seconds if outcome.status == 0 and seconds > 0 else NO_DURATION

    def _ffprobe(self, options: dict[str, Any], seconds: float) -> Outcome | Fault:
        options = {"of": "json", "v": "error"} | options | input_options(self.container)
        return self.sandbox.run(
            [*ffprobe(), *convert_kwargs_to_cmd_line_args(options), f"file:{VIDEO}"],
            self.descriptor,
            seconds=seconds,
            output_bytes=self.settings.probe_output_bytes,
        )


def parsed(outcome: Outcome) -> dict[str, Any] | None:
    """What ffprobe said as JSON; None when it is none."""
    try:
        report = json.loads(outcome.output.decode("utf-8", "replace"))
    except (ValueError, RecursionError):
        return None
    return report if isinstance(report, dict) else None
