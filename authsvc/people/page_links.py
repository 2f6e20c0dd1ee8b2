"""Addresses of the client's own pages, for links that people are sent.

The token stands in the fragment: browsers send that to no server, so it is in no log and in no Referer (RFC 9110,
10.1.3). The page takes it out of the address bar when it opens.
"""

from authsvc.settings import AccountSettings


def of_invitation(settings: AccountSettings, token: str) -> str:
    """Where its holder registers."""
    return _page(settings, "invitation", token)


def of_reset(settings: AccountSettings, token: str) -> str:
    """Where its holder chooses a new password."""
    return _page(settings, "reset", token)


def _page(settings: AccountSettings, name: str, token: str) -> str:
    """A path alone when the service does not know its own name."""
    origin = next(iter(settings.public_origins), "")
    return f"{origin}/#/{name}/{token}"
