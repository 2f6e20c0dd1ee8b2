"""Links that take one part of an upload: `/u/<kid>/<exp>/<user>/<upload>/<part>/<length>/<mac>`, to be PUT.

Made like links to watch by (watching/signed_links.py), with secrets and an audience of their own. What may come is in
the MAC: the method, which part of which upload, and exactly how many bytes. The user is in it for Nginx, which counts
connections and requests by it.
"""

import re
import secrets
import time

from authsvc.link_keys import LinkKeys
from catalog.contract import forms

AUDIENCE = "upload"
METHOD = "PUT"
_FORM = re.compile(
    f"/u/(?P<kid>{forms.KEY_ID})/(?P<exp>{forms.EXPIRY})/(?P<user>{forms.ID})/(?P<upload>{forms.ID})"
    f"/(?P<part>{forms.PART})/(?P<length>{forms.PART_LENGTH})/(?P<mac>{forms.MAC})",
    re.ASCII,
)


def to_put(keys: LinkKeys, *, user_id: str, upload_id: str, part: int, length: int, expires_at: int) -> str:
    """The path that takes the part until that Unix time."""
    kid, exp = keys.current, f"{expires_at:010d}"
    mac = _mac(keys, kid, exp, user_id, upload_id, str(part), str(length))
    return f"/u/{kid}/{exp}/{user_id}/{upload_id}/{part}/{length}/{mac}"


def upload_of(keys: LinkKeys, path: str) -> tuple[str, str] | None:
    """Whose upload and which one a good link of ours is for: a path with its MAC, not expired."""
    link = _FORM.fullmatch(path)
    if link is None or link["kid"] not in keys.keys or int(link["exp"]) < time.time():
        return None
    signed = [link[name] for name in ("kid", "exp", "user", "upload", "part", "length")]
    return (link["user"], link["upload"]) if secrets.compare_digest(link["mac"], _mac(keys, *signed)) else None


def _mac(keys: LinkKeys, kid: str, exp: str, *what: str) -> str:
    return keys.mac(kid, exp, AUDIENCE, METHOD, kid, *what)
