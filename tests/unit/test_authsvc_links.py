"""Signed links are what Nginx's secure_link expects."""

import re
import shutil
import subprocess
from types import SimpleNamespace
from typing import Any, cast

import pytest
from pydantic import SecretStr

from authsvc.link_keys import LinkKeys
from authsvc.settings import ApiSettings
from authsvc.watching import signed_links

KEYS = LinkKeys(current="k1", keys={"k1": SecretStr("s" * 43), "k0": SecretStr("t" * 43)})
PLAYBACK, VIDEO = "c" * 32, "d" * 32


def settings(**changes: Any) -> ApiSettings:
    defaults = {
        name: ApiSettings.model_fields[name].default
        for name in ("link_duration_factor", "link_slack_seconds", "link_longest_seconds")
    }
    return cast("ApiSettings", SimpleNamespace(**(defaults | changes)))


def test_link_has_the_form_of_the_signed_door() -> None:
    prefix = signed_links.prefix(KEYS, playback_id=PLAYBACK, video_id=VIDEO, expires_at=1_900_000_000)
    assert re.fullmatch(r"/m/[a-z0-9]{1,8}/[0-9]{10}/[0-9a-f]{32}/[A-Za-z0-9_-]{21}[AQgw]/[0-9a-f]{32}/", prefix), (
        prefix
    )


def test_mac_is_what_the_nginx_manual_computes_with_openssl() -> None:
    """The command of ngx_http_secure_link_module's manual page, with our expression."""
    if shutil.which("openssl") is None:
        pytest.skip("openssl is not installed")
    text = f"1900000000|play|k1|{PLAYBACK}|{VIDEO}|{'s' * 43}"
    digest = subprocess.run(["openssl", "md5", "-binary"], input=text.encode(), capture_output=True, check=True).stdout
    encoded = subprocess.run(["openssl", "base64"], input=digest, capture_output=True, check=True).stdout.decode()
    mac = encoded.strip().replace("+", "-").replace("/", "_").rstrip("=")
    assert (
        signed_links.prefix(KEYS, playback_id=PLAYBACK, video_id=VIDEO, expires_at=1_900_000_000)
        == f"/m/k1/1900000000/{PLAYBACK}/{mac}/{VIDEO}/"
    )


def test_each_input_changes_the_mac() -> None:
    def mac(**changes: Any) -> str:
        inputs = {"playback_id": PLAYBACK, "video_id": VIDEO, "expires_at": 1_900_000_000, "keys": KEYS} | changes
        return signed_links.prefix(inputs.pop("keys"), **inputs).split("/")[5]

    other_secret = LinkKeys(current="k0", keys=KEYS.keys)
    macs = {mac(), mac(playback_id="e" * 32), mac(video_id="e" * 32), mac(expires_at=1_900_000_001)}
    assert len(macs | {mac(keys=other_secret)}) == 5


@pytest.mark.parametrize(
    ("duration", "life"),
    [(0, 1800), (600, 900 + 1800), (7200, 10_800 + 1800), (18_000, 28_800), (1e9, 28_800)],
    ids=["empty", "ten minutes", "two hours", "just at the bound", "absurd"],
)
def test_life_of_a_link_is_one_and_a_half_durations_and_half_an_hour_at_most_eight_hours(
    duration: float, life: int
) -> None:
    assert signed_links.expiry(settings(), duration, now=1_000_000) == 1_000_000 + life


@pytest.mark.parametrize(
    "keys",
    [
        {"current": "k2", "keys": {"k1": "s" * 43}},
        {"current": "k1", "keys": {"k1": ""}},
        {"current": "k1", "keys": {"k1": "short"}},
        {"current": "K1", "keys": {"K1": "s" * 43}},
        {"current": "k1", "keys": {}},
    ],
)
def test_keys_that_would_make_links_forgeable_stop_the_start(keys: dict[str, Any]) -> None:
    with pytest.raises(ValueError) as caught:
        LinkKeys.model_validate(keys)
    assert "s" * 43 not in str(caught.value), "the secret is in the message"


def test_a_link_names_its_playback_only_while_it_is_good() -> None:
    link = signed_links.prefix(KEYS, playback_id=PLAYBACK, video_id=VIDEO, expires_at=1_900_000_000) + "source.mp4"
    assert signed_links.playback_of(KEYS, link, 1_900_000_000) == PLAYBACK
    assert signed_links.playback_of(KEYS, link, 1_900_000_001) is None, "expired"
    for changed in (
        link.replace("/k1/", "/k0/"),
        link.replace("/k1/", "/k9/"),
        link.replace(VIDEO, "e" * 32),
        link.replace("1900000000", "1900000001"),
        link.replace("source.mp4", "")[:-2],
        "/" + link,
    ):
        assert signed_links.playback_of(KEYS, changed, 1_800_000_000) is None, changed
