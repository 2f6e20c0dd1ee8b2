"""Who may call what: the one table. An endpoint that is not in it is refused to everybody, and a test walks the map."""

from typing import Final

ANYONE: Final = frozenset({"anyone"})
ADMIN: Final = frozenset({"admin"})
MEMBERS: Final = frozenset({"admin", "user"})
EVERY_ROLE: Final = frozenset({"admin", "user", "guest"})

WHO_MAY: Final = {
    # These read credentials of their own, or need none.
    "health.health": ANYONE,
    "health.ready": ANYONE,
    "openapi.spec": ANYONE,
    "auth.login": ANYONE,
    "auth.refresh": ANYONE,
    "auth.logout": ANYONE,
    # A guest sees and plays what is public.
    "health.status": EVERY_ROLE,
    "health.status_of_api": EVERY_ROLE,
    "users.me": EVERY_ROLE,
    "videos.list_videos": EVERY_ROLE,
    "videos.info": EVERY_ROLE,
    "grants.start_playback": EVERY_ROLE,
    "playbacks.heartbeat": EVERY_ROLE,
    "playbacks.end": EVERY_ROLE,
    "admin.list_streams": ADMIN,
    "admin.stop_stream": ADMIN,
}


def may(role: str, endpoint: str) -> bool:
    """May a signed-in user of this role call the endpoint?"""
    return role in WHO_MAY.get(endpoint, frozenset())
