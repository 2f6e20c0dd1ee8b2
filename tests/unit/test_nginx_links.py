"""Mutated links against the signed door's own expression and MAC, taken from the rendered template.

A link that is accepted in-process would be handed to authz by Nginx; nothing but a good link's own prefix may be. Nginx
itself gets the same kinds of mutations, fewer of them, in tests/integration/nginx/test_bypass.py.
KINETOSCOPE_MUTATED_LINKS says how many are made (a million takes half a minute).
"""

import base64
import hashlib
import os
import random
import re
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from testbed.servers.nginx_server import PLAY_KEYS, render, role_variables

HOW_MANY = int(os.environ.get("KINETOSCOPE_MUTATED_LINKS", "50000"))
ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
ODD = ["%", "%2f", "%00", "/", "//", ".", "..", "\x00", "\n", "é", "?", "#", ";", "\\", "=", "==", "+", " ", ","]
NOW = int(time.time())
# What each part of the configuration sends by a signed link.
FILES = {
    "door-guarded": ("source.mp4", "master.m3u8", "poster.jpg"),
    "door-made-now": ("now.m3u8", "n720-0a1b2c3d-00000.m4s", "sound-0-0a1b2c3d.mp4"),
}


class SignedDoor:
    """What doors.conf asks of a link before authz: the expression, a known key, the MAC, the time."""

    def __init__(self, doors: str, keys: dict[str, str], opened: str) -> None:
        """The one whose files are opened by that part of the configuration."""
        location = next(
            part
            for part in re.split(r"^(?=location )", doors, flags=re.MULTILINE)
            if part.startswith('location ~ "^/m/') and f"/kinetoscope/{opened}.conf;" in part
        )
        expression = re.search(r'^location ~ "(\^/m/.*)" \{$', location, re.MULTILINE)
        signed = re.search(r'^    secure_link_md5 "(.*)";$', location, re.MULTILINE)
        assert expression, "doors.conf has no signed door"
        assert signed, "doors.conf computes no MAC"
        assert 'if ($play_secret = "")' in location.partition("secure_link $door_mac,$door_exp;")[0]
        self.files = FILES[opened]
        # PCRE's spelling in Python's.
        self._expression = re.compile(expression[1].replace("(?<", "(?P<").replace(r"\z", r"\Z"), re.ASCII)
        self._signed, self._keys = signed[1], keys

    def accepts(self, target: str) -> bool:
        # The path as it was sent has to be the normalised one. What the expression takes holds neither an escape nor a
        # second slash nor a dot segment, so it is its own normal form; a fragment is cut off by Nginx, and differs.
        path = target.partition("?")[0]
        found = self._expression.match(path)
        if not found or "#" in target:
            return False
        part = found.groupdict()
        secret = self._keys.get(part["door_kid"], "")
        if not secret:
            return False
        values = {"door_" + name: part["door_" + name] for name in ("exp", "kid", "playback", "video")}
        text = re.sub(r"\$(\w+)", lambda name: {**values, "play_secret": secret}[name[1]], self._signed)
        # ngx_http_secure_link_module: 16 decoded bytes are compared, then the expiry with the clock.
        given = base64.urlsafe_b64decode(part["door_mac"] + "==")
        digest = hashlib.md5(text.encode()).digest()  # noqa: S324 (secure_link is MD5 by definition)
        return given == digest and int(part["door_exp"]) >= NOW


@pytest.fixture(scope="module", params=FILES)
def door(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> SignedDoor:
    folder = tmp_path_factory.mktemp("conf")
    names = {"nginx_public_host": "kino.example", "nginx_public_authority": "kino.example"}
    render(folder, role_variables() | names | {"__nginx_play_keys": PLAY_KEYS})
    return SignedDoor(Path(folder, "kinetoscope/doors.conf").read_text(), PLAY_KEYS, request.param)


def signed(playback: str, video: str, kid: str = "k1", *, expires: int = NOW + 3600, secret: str | None = None) -> str:
    secret = PLAY_KEYS[kid] if secret is None else secret
    digest = hashlib.md5(f"{expires}|play|{kid}|{playback}|{video}|{secret}".encode()).digest()  # noqa: S324
    mac = base64.urlsafe_b64encode(digest).decode().rstrip("=")
    return f"/m/{kid}/{expires}/{playback}/{mac}/{video}/"


def _mutations(chance: random.Random, goods: list[str]) -> list[Callable[[str], str]]:
    def at(text: str) -> int:
        return chance.randrange(len(text))

    def replaced(text: str) -> str:
        where = at(text)
        return text[:where] + chance.choice(ALPHABET) + text[where + 1 :]

    def several(text: str) -> str:
        for _ in range(chance.randrange(2, 6)):
            text = replaced(text)
        return text

    def in_mac(text: str) -> str:
        parts = text.split("/")
        parts[5] = replaced(parts[5])
        return "/".join(parts)

    def inserted(text: str) -> str:
        where = at(text)
        return text[:where] + chance.choice([*ODD, chance.choice(ALPHABET)]) + text[where:]

    def removed(text: str) -> str:
        where, length = at(text), chance.choice((1, 1, 2, 8))
        return text[:where] + text[where + length :]

    def swapped(text: str) -> str:
        where = chance.randrange(len(text) - 1)
        return text[:where] + text[where + 1] + text[where] + text[where + 2 :]

    def escaped(text: str) -> str:
        where = at(text)
        return f"{text[:where]}%{ord(text[where]):02x}{text[where + 1 :]}"

    def spliced(text: str) -> str:
        """One field of another good link."""
        mine, other = text.split("/"), chance.choice(goods).split("/")
        field = chance.randrange(2, 7)
        mine[field] = other[field]
        return "/".join(mine)

    def renumbered(text: str) -> str:
        parts = text.split("/")
        parts[3] = str(int(parts[3]) + chance.choice((-10_000_000, -1, 1, 60, 3600, 10_000_000)))
        return "/".join(parts)

    def cased(text: str) -> str:
        where = at(text)
        return text[:where] + text[where].swapcase() + text[where + 1 :]

    def flipped(text: str) -> str:
        where = at(text)
        return text[:where] + chr(ord(text[where]) ^ (1 << chance.randrange(8))) + text[where + 1 :]

    return [
        replaced, replaced, several, in_mac, in_mac, inserted, removed, swapped, escaped, spliced, spliced, renumbered,
        cased, flipped,
    ]  # fmt: skip


def test_no_mutated_link_is_accepted(door: SignedDoor) -> None:
    chance = random.Random(41)
    prefixes = [
        signed(f"{chance.getrandbits(128):032x}", f"{chance.getrandbits(128):032x}", chance.choice(("k1", "k2")))
        for _ in range(40)
    ]
    goods = [prefix + chance.choice(door.files) for prefix in prefixes]
    assert all(door.accepts(good) for good in goods), "else nothing would be proved"
    kinds = _mutations(chance, goods)
    made, accepted = 0, []
    while made < HOW_MANY:
        mutated = chance.choice(kinds)(chance.choice(goods))
        # The MAC covers the title, not the file: a good prefix before any name is a good link.
        if mutated[: mutated.rfind("/", 0, len(prefixes[0])) + 1] in prefixes:
            continue
        made += 1
        if door.accepts(mutated):
            accepted.append(mutated)
    assert accepted == []


def test_links_of_other_keys_audiences_and_times_are_refused(door: SignedDoor) -> None:
    playback, video = "a1" * 16, "0123456789abcdef" * 2
    file = door.files[0]
    assert door.accepts(signed(playback, video) + file)
    for forged in (
        signed(playback, video, "k3", secret=""), signed(playback, video, "default", secret=""),
        signed(playback, video, "k1", secret=PLAY_KEYS["k2"]), signed(playback, video, "k1", secret=""),
        signed(playback, video, expires=NOW - 1), signed(playback, video) + "../", signed(playback, video) + "\n",
    ):  # fmt: skip
        assert not door.accepts(forged + file), forged
    good = signed(playback, video)
    mac = good.split("/")[5]
    decoded = base64.urlsafe_b64decode(mac + "==")
    for last in ALPHABET:
        same = mac[:-1] + last
        if same != mac and base64.urlsafe_b64decode(same + "==") == decoded:
            assert not door.accepts(good.replace(mac, same) + file), "another spelling of the same 16 bytes"
