"""Ask ffprobe what a video is, with the container forced and in a sandbox."""

import json
from dataclasses import replace
from typing import Any

import ffmpeg

# What ffmpeg.probe() builds its own command with; that function would also run it, outside any sandbox.
from ffmpeg._utils import convert_kwargs_to_cmd_line_args

from media.faults import NO_DURATION, NO_VIDEO, Fault
from media.loader import ffprobe
from media.report import Facts, read_report
from media.sandbox import VIDEO, Sandbox, complaint
from media.settings import MediaSettings
from media.sniff import Container, Family

# ffmpeg's word -> what it means to people.
_MEANINGS = (
    ("moov atom not found", "The file is incomplete: its index (moov) is missing. Copy or download it again."),
    ("Cannot allocate memory", "Limit reached: reading the file takes more memory than it may."),
    ("Invalid data found", "The file is damaged: what follows its first bytes is not a readable {name} file."),
    ("EBML header parsing failed", "The file is damaged: its {name} header can't be read."),
)


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


def probe(sandbox: Sandbox, settings: MediaSettings, descriptor: int, container: Container) -> Facts | Fault:
    """The facts of the open file, or why there are none. Raises `SandboxError` when no tool could run."""
    shown = {"show_format": None, "show_streams": None, "show_chapters": None, "of": "json", "v": "error"}
    outcome = sandbox.run(
        [*ffprobe(), *convert_kwargs_to_cmd_line_args(shown | input_options(container)), f"file:{VIDEO}"],
        descriptor,
        seconds=settings.probe_timeout_seconds,
        output_bytes=settings.probe_output_bytes,
    )
    if isinstance(outcome, Fault):
        return outcome
    said = outcome.complaint.decode("utf-8", "replace")
    report = _parsed(outcome.output)
    if outcome.status != 0 or report is None:
        for word, meaning in _MEANINGS:
            if word in said:
                return Fault(meaning.format(name=container.name.upper()))
        return Fault(f"The file can't be read as {container.name.upper()}: {complaint(outcome)}.")
    facts = read_report(report, container.name)
    if facts is None:
        return NO_VIDEO
    if facts.duration_seconds is None:
        return _measured(sandbox, settings, descriptor, container, facts)
    return facts


def _parsed(output: bytes) -> dict[str, Any] | None:
    try:
        report = json.loads(output.decode("utf-8", "replace"))
    except (ValueError, RecursionError):
        return None
    return report if isinstance(report, dict) else None


def _measured(
    sandbox: Sandbox, settings: MediaSettings, descriptor: int, container: Container, facts: Facts
) -> Facts | Fault:
    """The facts with the length found by reading every packet: recordings that broke off declare none."""
    source = ffmpeg.input(f"file:{VIDEO}", **input_options(container))
    command = ffmpeg.output(source["V:0"], "pipe:", f="null", c="copy").global_args(
        "-nostdin", "-v", "error", "-nostats", "-progress", "pipe:1", "-stats_period", "60"
    )
    outcome = sandbox.run(command.compile(), descriptor, seconds=settings.measure_timeout_seconds, output_bytes=1 << 16)
    if isinstance(outcome, Fault):
        return outcome
    seconds = 0.0
    for line in outcome.output.decode("ascii", "replace").splitlines():
        key, _, value = line.partition("=")
        if key == "out_time_us" and value.lstrip("-").isdigit():
            seconds = int(value) / 1e6
    if outcome.status != 0 or seconds <= 0:
        return NO_DURATION
    return replace(facts, duration_seconds=seconds)
