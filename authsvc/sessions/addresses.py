"""Client addresses: a single IPv4 address, or the /64 that one IPv6 subscriber has (RFC 6177).

Whole ones are kept for a while only (authsvc/people/retention.py).
"""

import functools
import ipaddress


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
