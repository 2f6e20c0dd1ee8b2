"""QR codes as drawings. That a camera reads in them what was written is shown in a browser (test_www_players.py)."""

from xml.etree import ElementTree

import pytest

from authsvc.api.protocol import qr

SVG = "{http://www.w3.org/2000/svg}"
ADDRESS = f"https://kinetoscope.example:8443/play/{'x' * 43}/library.m3u"


@pytest.mark.parametrize("text", ["x", ADDRESS, "otpauth://totp/\N{GRINNING FACE}", "</svg><script>", "x" * 1000])
def test_a_code_is_two_paths_that_say_nothing_in_words(text: str) -> None:
    drawn = qr.svg(text)
    root = ElementTree.fromstring(drawn)  # noqa: S314  # ours
    assert [child.tag for child in root] == [SVG + "path", SVG + "path"]
    said = [name for element in root.iter() for name in element.attrib]
    assert set(said) == {"viewBox", "fill", "stroke", "d"}, "no style, no script: the policy of the page allows neither"
    assert len(text) == 1 or text not in drawn


def test_a_code_is_dark_on_light_with_room_around_it() -> None:
    """On a dark page too: readers look for the light frame."""
    ground, modules = ElementTree.fromstring(qr.svg(ADDRESS))  # noqa: S314  # ours
    assert (ground.get("fill"), modules.get("stroke")) == ("#fff", "#000")
    assert str(modules.get("d")).startswith("M4 4.5h7m"), "four modules from the edge, where a finder pattern begins"
