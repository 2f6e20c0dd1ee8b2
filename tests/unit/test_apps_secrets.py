"""The secrets that a host makes for itself: roles/authsvc/files/make_secrets.py."""

import json
import re
import stat
import subprocess
import sys
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key, load_pem_public_key

SCRIPT = Path(__file__).parents[2] / "roles/authsvc/files/make_secrets.py"


def make(folder: Path, kid: str = "a1") -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(SCRIPT), "--folder", str(folder), "--kid", kid]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_an_empty_folder_gets_every_secret_for_root_alone(tmp_path: Path) -> None:
    made = make(tmp_path)
    assert made.stdout.split() == [
        "play-keys.json",
        "upload-keys.json",
        "access-jwt-private.pem",
        "second-factor.key",
        "admin-password",
        "access-jwt-public.json",
    ]
    assert {stat.S_IMODE(file.stat().st_mode) for file in tmp_path.iterdir()} == {0o600}
    keys = json.loads((tmp_path / "play-keys.json").read_text())
    assert keys["current"] == "k1"
    assert re.fullmatch(r"[A-Za-z0-9_-]{43}", keys["keys"]["k1"])
    assert re.fullmatch(r"([a-z2-9]{5}-){3}[a-z2-9]{5}\n", (tmp_path / "admin-password").read_text())
    assert not any(secret in made.stdout for secret in (keys["keys"]["k1"], (tmp_path / "admin-password").read_text()))


def test_the_public_key_verifies_what_the_private_key_signs(tmp_path: Path) -> None:
    make(tmp_path)
    private = load_pem_private_key((tmp_path / "access-jwt-private.pem").read_bytes(), password=None)
    assert isinstance(private, Ed25519PrivateKey)
    public = load_pem_public_key(json.loads((tmp_path / "access-jwt-public.json").read_text())["a1"].encode())
    public.verify(private.sign(b"words"), b"words")  # type: ignore[union-attr, call-arg, arg-type]


def test_a_second_run_changes_nothing(tmp_path: Path) -> None:
    make(tmp_path)
    before = {file.name: file.read_bytes() for file in tmp_path.iterdir()}
    assert make(tmp_path).stdout == ""
    assert {file.name: file.read_bytes() for file in tmp_path.iterdir()} == before


def test_a_given_key_is_kept_and_its_public_half_published_beside_the_old_one(tmp_path: Path) -> None:
    make(tmp_path)
    old = json.loads((tmp_path / "access-jwt-public.json").read_text())
    other = tmp_path / "other"
    other.mkdir()
    make(other)
    given = (other / "access-jwt-private.pem").read_bytes()
    (tmp_path / "access-jwt-private.pem").write_bytes(given)
    assert make(tmp_path, "a2").stdout.split() == ["access-jwt-public.json"]
    new = json.loads((tmp_path / "access-jwt-public.json").read_text())
    assert new["a1"] == old["a1"]
    assert new["a2"] == json.loads((other / "access-jwt-public.json").read_text())["a1"]
    assert (tmp_path / "access-jwt-private.pem").read_bytes() == given


def test_a_key_of_another_kind_is_refused_with_the_fix(tmp_path: Path) -> None:
    make(tmp_path)
    command = ["openssl", "genpkey", "-algorithm", "x25519", "-out", str(tmp_path / "access-jwt-private.pem")]
    subprocess.run(command, check=True, capture_output=True)
    refused = make(tmp_path)
    assert refused.returncode == 1
    assert "openssl genpkey -algorithm ed25519" in refused.stderr
