"""Client addresses: a single IPv4 address, or the /64 that one IPv6 subscriber has (RFC 6177).

Whole ones are kept for a while only, whether in the audit trail, with a session or with a playback.
"""

import functools
import ipaddress
from typing import Any

from psycopg import Connection

from catalog.rows import only


@functools.lru_cache(maxsize=4096)
def neighbourhood(address: str) -> str | None:
    """What counts as one address; None when it is no address (or has a zone)."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return None
    if isinstance(parsed, ipaddress.IPv4Address):
        return str(parsed)
    if parsed.scope_id:
        return None
    return str(ipaddress.IPv6Address(int(parsed) >> 64 << 64))


def cut_old(connection: Connection[Any], older_than_days: int) -> int:
    """Shorten what was seen longer ago to the /24 or /64; answers how many. At least 7 days stay whole."""
    return int(only(connection.execute("SELECT cut_addresses(%s)", (older_than_days,)))[0])
