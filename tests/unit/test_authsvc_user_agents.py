"""Devices by names that people know."""

import pytest

from authsvc.api.protocol.user_agents import player, readable

CHROME = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Safari/537.36"
)
SAFARI = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) AppleWebKit/605.1.15 Version/18.6 Mobile Safari/604.1"
TELEVISION = (
    "Mozilla/5.0 (SMART-TV; LINUX; Tizen 7.0) AppleWebKit/537.36 (KHTML, like Gecko) Version/7.0 TV Safari/537.36"
)


@pytest.mark.parametrize(
    ("header", "name"),
    [
        ("Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0", "Firefox on Linux"),
        (CHROME, "Chrome on Windows"),
        (CHROME + " Edg/141.0.0.0", "Edge on Windows"),
        (SAFARI, "Safari on iPhone"),
        (TELEVISION, "Safari on a television"),
        ("Mozilla/5.0 (Linux; Android 16) AppleWebKit/537.36 Chrome/141.0 Mobile Safari/537.36", "Chrome on Android"),
        ("VLC/3.0.21 LibVLC/3.0.21", "VLC"),
        ("python-requests/2.32", "Python"),
        ("my-program/1.0 (test)", "my-program"),
        ("", "Unknown device"),
        ("\x00\x07", "Unknown device"),
        ("x" * 10_000, "x" * 200),
    ],
)
def test_user_agent_becomes_a_name(header: str, name: str) -> None:
    assert readable(header) == name


@pytest.mark.parametrize(
    ("header", "named"),
    [
        ("VLC/3.0.21 LibVLC/3.0.21", "vlc"),
        ("mpv 0.40.0", "mpv"),
        ("Kodi/21.2 (X11; Linux x86_64) App_Bitness/64 Version/21.2", "kodi"),
        ("Kodi/21.2 (Linux; Android TV 12)", "kodi"),
        (TELEVISION, "television"),
        ("Mozilla/5.0 (Web0S; Linux/SmartTV) AppleWebKit/537.36", "television"),
        ("Lavf/61.7.100", "vlc"),
        ("", "vlc"),
        ("x" * 10_000 + "Kodi", "vlc"),
    ],
)
def test_a_player_is_known_by_the_name_it_gives_itself(header: str, named: str) -> None:
    assert player(header) == named
