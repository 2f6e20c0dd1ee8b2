"""Make the secrets that a host lacks. Runs on the host, with the Python of the release.

    make_secrets.py --folder /etc/kinetoscope/secrets --kid a1

What exists stays as it is, so it can run at each deploy. Prints the name of each file that it wrote, never what is
in it.
"""

import argparse
import json
import os
import secrets
import sys
from collections.abc import Callable
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)

PLAY_KEYS = "play-keys.json"
PLAY_KID = "k1"
UPLOAD_KEYS = "upload-keys.json"
UPLOAD_KID = "u1"
LINK_KEY_BYTES = 32
SECOND_FACTOR_KEY_BYTES = 32
PRIVATE_KEY = "access-jwt-private.pem"
PUBLIC_KEYS = "access-jwt-public.json"
SECOND_FACTOR_KEY = "second-factor.key"
ADMIN_PASSWORD = "admin-password"  # noqa: S105  # the name of its file
# Somebody types it from a terminal into a phone: no letter that looks like another. 20 of 31 signs are 99 bits.
PASSWORD_SIGNS = "abcdefghjkmnpqrstuvwxyz23456789"  # noqa: S105
PASSWORD_GROUPS = (5, 5, 5, 5)


def write(file: Path, content: str) -> None:
    """All of it under its name or nothing, readable by root alone from the first moment."""
    unfinished = file.with_name(f".{file.name}.new")
    unfinished.unlink(missing_ok=True)
    with os.fdopen(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as stream:
        stream.write(content)
        stream.flush()
        os.fsync(stream.fileno())
    unfinished.rename(file)


def link_keys(kid: str) -> str:
    """What signs links: {current, keys: {kid: 43 characters of base64url}}."""
    return json.dumps({"current": kid, "keys": {kid: secrets.token_urlsafe(LINK_KEY_BYTES)}}) + "\n"


def private_key() -> str:
    """What signs access tokens (EdDSA, RFC 8037)."""
    key = Ed25519PrivateKey.generate()
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def second_factor_key() -> str:
    """What encrypts the secrets of authenticator apps in the database: 43 characters of base64url."""
    return secrets.token_urlsafe(SECOND_FACTOR_KEY_BYTES) + "\n"


def admin_password() -> str:
    return "-".join("".join(secrets.choice(PASSWORD_SIGNS) for _ in range(size)) for size in PASSWORD_GROUPS) + "\n"


SECRETS: dict[str, Callable[[], str]] = {
    PLAY_KEYS: lambda: link_keys(PLAY_KID),
    UPLOAD_KEYS: lambda: link_keys(UPLOAD_KID),
    PRIVATE_KEY: private_key,
    SECOND_FACTOR_KEY: second_factor_key,
    ADMIN_PASSWORD: admin_password,
}


def publish(folder: Path, kid: str) -> bool:
    """Let the public half of the private key stand under `kid`; other keys stay, for tokens that they signed."""
    private = load_pem_private_key((folder / PRIVATE_KEY).read_bytes(), password=None)
    if not isinstance(private, Ed25519PrivateKey):
        raise TypeError(f"{folder / PRIVATE_KEY} is no Ed25519 key: openssl genpkey -algorithm ed25519")
    public = private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
    file = folder / PUBLIC_KEYS
    known: dict[str, str] = json.loads(file.read_text()) if file.exists() else {}
    if known.get(kid) == public:
        return False
    write(file, json.dumps({**known, kid: public}, indent=2) + "\n")
    return True


def main(arguments: list[str] | None = None) -> int:
    """1 with a sentence when a secret that was given can't be used."""
    parser = argparse.ArgumentParser(description="Make the secrets that a host lacks.")
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--kid", required=True, help="name of the key that signs access tokens")
    options = parser.parse_args(arguments)
    made = [name for name in SECRETS if not (options.folder / name).exists()]
    for name in made:
        write(options.folder / name, SECRETS[name]())
    try:
        if publish(options.folder, options.kid):
            made.append(PUBLIC_KEYS)
    except (ValueError, TypeError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    sys.stdout.writelines(f"{name}\n" for name in made)
    return 0


if __name__ == "__main__":
    sys.exit(main())
