"""The command that makes all renditions of a title: one decode, one picture after the other made smaller.

Every option is an enumeration or a number of ours; nothing that a file says of itself is among them. What comes out is
for the packager: an MP4 for each picture and each sound, all from second 0 on, with a key frame every KEY_SECONDS at
the same moments, whatever the rate.
"""

from collections.abc import Iterable, Sequence
from fractions import Fraction
from typing import Any, Final, Literal

import ffmpeg
from ffmpeg.nodes import OutputStream

from media import tones
from media.asking import input_options
from media.grid import SOUND_HERTZ
from media.ladder import SOUND_RATE, Picture
from media.making import compiled
from media.material import Material, Sound
from media.sandbox import VIDEO
from media.settings import MediaSettings
from media.sniff import Container

KEY_SECONDS: Final = 2
_COLOURS: Final = {
    "colorspace": "bt709", "color_primaries": "bt709", "color_trc": "bt709", "color_range": "tv"
}  # fmt: skip
# -1.4 dB: an encoder adds to peaks what its decoder gives out then.
_PEAK: Final = 0.85
# Neither texts of the file, such as where it was filmed, nor its chapters.
NOTHING_TOLD: Final = {"map_metadata": -1, "map_chapters": -1}
SOUND_OPTIONS: Final = {"acodec": "aac", "audio_bitrate": SOUND_RATE, **NOTHING_TOLD}


def picture_file(picture: Picture) -> str:
    return f"picture-{picture.rung.profile}.mp4"


def sound_file(sound: Sound) -> str:
    return f"{'surround' if sound.is_surround else 'sound'}-{sound.track}.mp4"


def command(
    settings: MediaSettings,
    container: Container,
    material: Material,
    pictures: Sequence[Picture],
    sounds: Iterable[Sound],
) -> list[str]:
    """ffmpeg's, for the file at VIDEO. It writes `picture_file` and `sound_file` of each into the folder it runs in and
    tells its progress on standard output. `pictures` are in the ladder's order.
    """
    source = ffmpeg.input(f"file:{VIDEO}", **reading(container, material))
    outputs = [
        _encoded(settings, frames, picture, material.rate) for frames, picture in _cascade(source, material, pictures)
    ]
    outputs += [voiced(samples_of(source, sound), sound) for sound in sounds]
    return compiled(ffmpeg.merge_outputs(*outputs))


def reading(container: Container, material: Material) -> dict[str, Any]:
    """The options of the input. Where they can be, pictures that change their size on the way are scaled as they come:
    ffmpeg would begin a new graph, which repeats some, and the sound would be ahead from then on.
    """
    return input_options(container) | ({"reinit_filter:v": 0} if material.takes_any_size else {})


def _cascade(source: Any, material: Material, pictures: Sequence[Picture]) -> list[tuple[Any, Picture]]:
    """The frames of each picture, each made of those of the next larger one."""
    if not pictures:
        return []
    frames = prepared(source[str(material.track)], material, pictures[-1])
    made = []
    for smaller, picture in zip((*reversed(pictures[:-1]), None), reversed(pictures), strict=True):
        if smaller is None:
            made.append((frames, picture))
            break
        both = frames.filter_multi_output("split")
        made.append((both[0], picture))
        frames = _square(both[1].filter("scale", smaller.width, smaller.height, flags="bicubic"))
    return made


def prepared(frames: Any, material: Material, largest: Picture, *, begins: Fraction = Fraction(0)) -> Any:
    """What is done once for all: steady, of the largest size, in the colours of a usual screen; from second `begins`
    on, which is that of a picture at the material's rate.

    ffmpeg has turned them upright before. Fields are taken apart first, since making them smaller would mix them.
    """
    if material.is_interlaced:
        frames = frames.filter("bwdif", mode="send_frame")
    frames = frames.filter("fps", fps=str(material.rate), start_time=f"{float(begins):.6f}")
    size = (largest.width, largest.height)
    if material.hdr is None:
        frames = frames.filter(
            "scale", *size, flags="bicubic", in_color_matrix=material.matrix, out_color_matrix="bt709", out_range="tv"
        )
    else:
        frames = tones.to_sdr(frames.filter("scale", *size, flags="bicubic"), material.hdr)
    return _square(frames).filter("format", "yuv420p")


def _square(frames: Any) -> Any:
    """A size rounded to even pixels is within half a pixel of the right shape; scale would tell the difference."""
    return frames.filter("setsar", 1)


def _encoded(settings: MediaSettings, frames: Any, picture: Picture, rate: Fraction) -> OutputStream:
    if picture.rung.codec == "hevc":
        options = _hevc_options(picture, settings.rendition_hevc_preset, settings.rendition_hevc_quality)
    elif picture.rung.codec == "av1":
        options = _av1_options(picture, settings.rendition_av1_preset, settings.rendition_av1_quality, rate)
    else:
        options = picture_options(picture, settings.rendition_preset, settings.rendition_quality)
    return ffmpeg.output(
        frames, picture_file(picture), force_key_frames=f"expr:gte(t,n_forced*{KEY_SECONDS})", **options
    )


def picture_options(picture: Picture, preset: str, quality: int) -> dict[str, Any]:
    """Constant quality, as long as it fits the rung's rate; no key frames but those that are asked for."""
    closed = {"profile:v": "high", "flags": "+cgop", "sc_threshold": 0}
    return _capped("libx264", picture, preset, quality) | closed


def _hevc_options(picture: Picture, preset: str, quality: int) -> dict[str, Any]:
    """The same by x265. `hvc1` is what Apple's players take; a key frame that is asked for is one to begin at."""
    closed = {"forced-idr": 1, "x265-params": "open-gop=0:scenecut=0:log-level=error"}
    return _capped("libx265", picture, preset, quality) | {"profile:v": "main", "tag:v": "hvc1"} | closed


def _av1_options(picture: Picture, preset: int, quality: int, rate: Fraction) -> dict[str, Any]:
    """The same by SVT-AV1. It passes over key frames that are asked for by their time, so that they are counted: every
    so many pictures, of a rate that is constant.
    """
    return _capped("libsvtav1", picture, preset, quality) | {"g": round(KEY_SECONDS * rate), "tag:v": "av01"}


def _capped(encoder: str, picture: Picture, preset: str | int, quality: int) -> dict[str, Any]:
    rate = picture.rung.rate
    options = {"vcodec": encoder, "preset": preset, "crf": quality, "maxrate": rate, "bufsize": 2 * rate}
    return options | _COLOURS | NOTHING_TOLD


def voiced(samples: Any, sound: Sound) -> OutputStream:
    """What would be too loud after the gain is held down for that moment."""
    samples = laid_out(samples, "5.1") if sound.is_surround else stereo(samples)
    if sound.gain_db:
        samples = samples.filter("volume", f"{sound.gain_db:.1f}dB").filter("alimiter", limit=_PEAK, level=0, latency=1)
    return ffmpeg.output(samples, sound_file(sound), **SOUND_OPTIONS | {"audio_bitrate": sound.rate})


def samples_of(source: Any, sound: Sound) -> Any:
    """What the track holds. Of channels that no mixer finds the first two are taken as left and right."""
    samples = source[str(sound.track)]
    return samples.filter("channelmap", map="0|1", channel_layout="stereo") if sound.is_unplaced else samples


def stereo(samples: Any, *, first: int = 0) -> Any:
    """From the `first` sample on: what starts late or has gaps is filled with silence, so it stays with the picture."""
    return laid_out(samples, "stereo", first=first)


def laid_out(samples: Any, layout: Literal["stereo", "5.1"], *, first: int = 0) -> Any:
    """As `stereo`, in this layout of ffmpeg's."""
    # The rate first: `first_pts` is counted in samples of what comes in.
    converted = samples.filter("aformat", sample_rates=SOUND_HERTZ, channel_layouts=layout)
    return converted.filter("aresample", SOUND_HERTZ, **{"async": 1, "first_pts": first})
