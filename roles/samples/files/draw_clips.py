"""Fill an empty library with clips drawn by ffmpeg, one for each format. Runs on the host.

    draw_clips.py LIBRARY

Prints what it made; prints nothing where the library has files already or can't be written. The clips are drawn in a
hidden folder of the library (the same file system) without a video's suffix and then renamed, so a scan never meets
half a clip, and an interrupted run leaves the library empty.
"""

import os
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

WORK = ".samples-being-drawn"
RATE = 24
# Older than any file that the indexer waits for, and a second apart, so that the newest is the same on every box.
AGE_SECONDS = 3600


class Clip(NamedTuple):
    """`path` below the library, its length, what is drawn and heard (filter graphs), and how it is written."""

    path: str
    seconds: int
    picture: str
    sound: str
    container: str
    codecs: str
    extra: str = ""


# Notes of a pentatonic scale (steps of a fifth, folded into one octave), each plucked and fading.
PLUCKED = (
    "aevalsrc='0.3*sin(2*PI*{base}*pow(2,mod(7*mod(floor(t*{pace}),5),12)/12)*t)*exp(-3*mod(t*{pace},1)/{pace})"
    "+0.08*sin(2*PI*{base}/2*t)*(0.7+0.3*sin(2*PI*0.1*t))':s=44100:c=stereo"
)
SURF = (
    "anoisesrc=color=brown:amplitude=0.5:sample_rate=48000:seed=7,tremolo=f=0.15:d=0.8,aformat=channel_layouts=stereo"
)
# A key frame every 2 s: seeking lands within that without decoding more.
# ultrafast switches off all that makes High differ from Baseline; CABAC and the 8x8 transform bring the profile back.
H264 = f"-c:v libx264 -preset ultrafast -x264-params cabac=1:8x8dct=1 -crf 27 -g {2 * RATE} -sc_threshold 0"
AAC = "-c:a aac -b:a 96k"
CLIPS = [
    Clip(
        "Films/A Long Way Down (2024)/A Long Way Down.mp4",
        66,
        f"mandelbrot=s=400x226:r={RATE}:maxiter=300:end_pts=1600:end_scale=0.0004:start_scale=2.6,scale=1280:720:flags=bicubic",
        PLUCKED.format(base=220, pace=2),
        "mp4",
        f"{H264} -crf 33 {AAC} -movflags +faststart",
    ),
    Clip(
        "Films/Colours at Dusk/Colours at Dusk.mkv",
        40,
        f"gradients=s=320x180:r={RATE}:type=spiral:speed=0.02:seed=11:n=4:c0=#0b132b:c1=#f25f5c:c2=#ffe066:c3=#247ba0,"
        "scale=1280:720:flags=bicubic",
        SURF,
        "matroska",
        f"{H264} {AAC} -c:s srt -metadata:s:s:0 language=eng",
        extra="subtitles and chapters",
    ),
    Clip(
        "Series/Life in Cells/Season 01/Life in Cells - S01E01 - The First Generation.webm",
        20,
        f"life=s=320x180:r={RATE}:mold=12:ratio=0.12:seed=3:death_color=#14213d:life_color=#fca311:mold_color=#3d5a80",
        PLUCKED.format(base=330, pace=3),
        "webm",
        f"-c:v libvpx-vp9 -deadline realtime -cpu-used 8 -b:v 400k -g {2 * RATE} -c:a libopus -b:a 64k",
    ),
    Clip(
        "Home Videos/Carpets of the Evening.m4v",
        20,
        f"sierpinski=s=640x360:r={RATE}:seed=5:type=carpet,colorchannelmixer=rr=0.95:gg=0.72:bb=0.4",
        PLUCKED.format(base=262, pace=1),
        "mp4",
        f"{H264} {AAC} -movflags +faststart",
    ),
    Clip(
        "Home Videos/Camera Roll/Rings in the Water.mov",
        20,
        f"gradients=s=320x180:r={RATE}:type=circular:speed=0.05:seed=2:n=3:c0=#023047:c1=#8ecae6:c2=#219ebc,scale=640:360",
        SURF,
        "mov",
        f"{H264} {AAC}",
    ),
    Clip(
        "Archive/Television of 1999/Test Card.avi",
        20,
        f"testsrc2=s=640x480:r={RATE}",
        PLUCKED.format(base=440, pace=4),
        "avi",
        "-c:v mpeg4 -vtag XVID -q:v 6 -c:a libmp3lame -b:a 128k",
    ),
]
SUBTITLES = "".join(
    f"{number}\n00:00:{start:02},000 --> 00:00:{start + 4:02},000\n{line}\n\n"
    for number, (start, line) in enumerate(
        [(1, "The sun goes down."), (12, "The colours turn."), (24, "Somewhere, the sea.")], start=1
    )
)
CHAPTERS = ";FFMETADATA1\n" + "".join(
    f"[CHAPTER]\nTIMEBASE=1/1\nSTART={start}\nEND={end}\ntitle={title}\n"
    for start, end, title in [(0, 10, "Gold"), (10, 22, "Red"), (22, 40, "Blue")]
)


def command(clip: Clip, unfinished: Path, work: Path) -> list[str]:
    """ffmpeg's arguments for one clip."""
    inputs = ["-f", "lavfi", "-i", f"{clip.picture},format=yuv420p", "-f", "lavfi", "-i", clip.sound]
    maps = ["-map", "0:v", "-map", "1:a"]
    if clip.extra:
        (work / "subtitles").write_text(SUBTITLES)
        (work / "chapters").write_text(CHAPTERS)
        inputs += ["-f", "srt", "-i", str(work / "subtitles"), "-f", "ffmetadata", "-i", str(work / "chapters")]
        maps += ["-map", "2:s", "-map_metadata", "3"]
    title = ["-metadata", f"title={Path(clip.path).stem}", "-t", str(clip.seconds)]
    output = [*maps, *clip.codecs.split(), *title, "-threads:v", "1", "-f", clip.container, str(unfinished)]
    return ["ffmpeg", "-nostdin", "-loglevel", "error", "-y", *inputs, *output]


def draw(clip: Clip, number: int, work: Path) -> Path:
    """One finished clip under a name that no scan takes for a video."""
    unfinished = work / f"{number}.part"
    subprocess.run(command(clip, unfinished, work), check=True, capture_output=True, text=True)
    return unfinished


def fill(library: Path) -> list[str]:
    """Draw all clips and put them in place. Raises `subprocess.CalledProcessError` with ffmpeg's words."""
    work = library / WORK
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir()
    try:
        with ThreadPoolExecutor(max_workers=max(2, os.cpu_count() or 1)) as pool:
            drawn = list(pool.map(draw, CLIPS, range(len(CLIPS)), [work] * len(CLIPS)))
        newest = work.stat().st_mtime - AGE_SECONDS
        for number, (clip, unfinished) in enumerate(zip(CLIPS, drawn, strict=True)):
            place = library / clip.path
            place.parent.mkdir(parents=True, exist_ok=True)
            os.utime(unfinished, (newest - number, newest - number))
            unfinished.rename(place)
    finally:
        shutil.rmtree(work, ignore_errors=True)
    return [clip.path for clip in CLIPS]


def main(arguments: list[str]) -> int:
    """1 with a sentence when a clip can't be drawn."""
    os.umask(0o022)
    library = Path(arguments[0])
    if not library.is_dir():
        sys.stderr.write(f"{library} is no folder: deploy the site first.\n")
        return 1
    if any(entry.name != WORK for entry in library.iterdir()) or not os.access(library, os.W_OK):
        return 0
    try:
        made = fill(library)
    except subprocess.CalledProcessError as error:
        sys.stderr.write(f"ffmpeg can't draw a clip: {error.stderr.strip()[-800:]}\n")
        return 1
    sys.stdout.writelines(f"{path}\n" for path in made)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
