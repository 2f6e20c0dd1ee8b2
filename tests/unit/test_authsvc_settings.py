"""Settings: environment and credentials in, a sentence without secrets out."""

import json
from pathlib import Path

import pytest
from pydantic import ValidationError

from authsvc.settings import ApiSettings, AuthzSettings
from testbed.services.world import PLAY_SECRET, PRIVATE_PEM, PUBLIC_PEM

CREDENTIALS = {
    "play_keys": json.dumps({"current": "k1", "keys": {"k1": PLAY_SECRET}}),
    "access_jwt_private": PRIVATE_PEM,
    "access_jwt_public": json.dumps({"a1": PUBLIC_PEM}),
    "redis_live_password": "live-secret\n",
    "redis_cache_password": "cache-secret\n",
}


@pytest.fixture
def credentials(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name, value in CREDENTIALS.items():
        (tmp_path / name).write_text(value)
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    return tmp_path


def test_environment_and_credentials_make_the_settings(credentials: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KINETOSCOPE_STREAMS_PER_USER", "7")
    monkeypatch.setenv("KINETOSCOPE_PUBLIC_ORIGINS", "https://Box.test/, https://10.1.2.3")
    monkeypatch.setenv("KINETOSCOPE_REDIS_USERNAME", "kinetoscope-api")
    settings = ApiSettings.load()
    assert settings.streams_per_user == 7
    assert settings.public_origins == ("https://box.test", "https://10.1.2.3")
    assert settings.redis_live_password is not None
    assert settings.redis_live_password.get_secret_value() == "live-secret"
    assert settings.play_keys.keys["k1"].get_secret_value() == PLAY_SECRET
    assert settings.access_jwt_private.get_secret_value().startswith("-----BEGIN PRIVATE KEY")


def test_authz_needs_no_more_than_its_public_key(credentials: Path) -> None:
    for name in ("play_keys", "access_jwt_private", "redis_cache_password", "redis_live_password"):
        (credentials / name).unlink()
    assert set(AuthzSettings.load().access_jwt_public) == {"a1"}


def test_missing_credential_is_named(credentials: Path) -> None:
    (credentials / "play_keys").unlink()
    with pytest.raises(ValidationError, match="play_keys"):
        ApiSettings.load()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("STREAMS_PER_USER", "-1"),
        ("STREAMS_PER_USER", "many"),
        ("LEASE_IDLE_SECONDS", "0"),
        ("ACCESS_JWT_KID", "zz"),
        ("STREAM_RATE", '{"emperor": 1}'),
        ("BODY_BYTES", "1e99"),
    ],
)
def test_wrong_value_stops_the_start(credentials: Path, monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(f"KINETOSCOPE_{name}", value)
    with pytest.raises(ValidationError, match=f"(?i){name}"):
        ApiSettings.load()


def test_no_secret_is_in_a_message_or_a_representation(credentials: Path) -> None:
    settings = ApiSettings.load()
    (credentials / "play_keys").write_text(json.dumps({"current": "k2", "keys": {"k1": PLAY_SECRET}}))
    with pytest.raises(ValidationError) as caught:
        ApiSettings.load()
    for text in (str(caught.value), repr(caught.value), repr(settings), str(settings)):
        assert PLAY_SECRET not in text
        assert "live-secret" not in text
        assert "BEGIN PRIVATE KEY" not in text
