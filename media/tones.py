"""HDR in the tones of a usual screen: light that it doesn't have is brought into its range, and white stays white."""

from typing import Any, Final

# BT.2020 as HDR10 and HLG use it; some files leave these out.
_COLOURS: Final = {"color_primaries": "bt2020", "colorspace": "bt2020nc"}
# The light that is white on a usual screen, in nits. With it, white of 203 nits (ITU-R BT.2408) comes out as 93 %.
_SCREEN_NITS: Final = 100


def to_sdr(frames: Any, transfer: str | None = None) -> Any:
    """`frames` (ffmpeg-python's) in the colours of BT.709. `transfer` is their transfer characteristics by ITU-T H.273;
    without it the file must tell its colours itself, or ffmpeg fails. Costs less after scaling.
    """
    if transfer:
        frames = frames.filter("setparams", color_trc=transfer, **_COLOURS)
    return (
        frames.filter("zscale", t="linear", npl=_SCREEN_NITS)
        .filter("format", "gbrpf32le")
        .filter("zscale", p="bt709")
        .filter("tonemap", "mobius", desat=0)
        .filter("zscale", t="bt709", m="bt709", r="tv")
        # Said here: before a JPEG zscale would choose the format of the full range and leave the values as they are.
        .filter("format", "yuv420p")
    )
