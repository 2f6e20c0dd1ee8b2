"""Links that take a part of an upload, as the interface makes them, and what differs from one of them."""

import time

from pydantic import SecretStr

from authsvc.link_keys import LinkKeys
from authsvc.publishing import links
from testbed.servers.nginx_server import UPLOAD_KEYS

USER, UPLOAD, OTHER_UPLOAD = "c3" * 16, "d4" * 16, "e5" * 16


def upload_link(
    part: int = 1,
    length: int = 10,
    *,
    upload: str = UPLOAD,
    user: str = USER,
    kid: str = "u1",
    seconds: int = 3600,
    secret: str | None = None,
) -> str:
    """A link that takes `length` bytes as the part; with another secret one that was not made here."""
    signing = UPLOAD_KEYS.get(kid, "") if secret is None else secret
    keys = LinkKeys.model_construct(current=kid, keys={kid: SecretStr(signing)})
    expires_at = int(time.time()) + seconds
    return links.to_put(keys, user_id=user, upload_id=upload, part=part, length=length, expires_at=expires_at)
