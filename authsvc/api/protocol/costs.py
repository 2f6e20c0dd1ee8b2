"""What a call takes from its quota, in calls: one, unless it is named here.

Measured in work: a call of cost 1 keeps a worker busy for a few milliseconds. A list costs by the entries that it asks
for, and what reads or writes all that somebody has costs as much as the longest of it takes. The OpenAPI document tells
each (`x-cost`).
"""

import re
from collections.abc import Mapping
from typing import Final

# Lists with a `limit`, and the limit that they take without one: so many entries cost as much as a call.
ENTRIES_A_CALL: Final = 20
LISTS: Final = {
    "videos.list_videos": 50,
    "playlists.one_playlist": 50,
    "personal.show_history": 50,
    "personal.continue_watching": 20,
    "people.list_users": 50,
    "audit.list_events": 50,
    "jobs.list_jobs": 50,
    "library_health.list_titles": 50,
}
_LONGEST: Final = 100
_NUMBER: Final = re.compile(r"[0-9]{1,2}", re.ASCII)
# Answers of bounded but considerable length.
OTHERS: Final = {
    # 40 titles.
    "videos.featured_titles": 2,
    # 200 lists of 1,000 entries that are counted.
    "playlists.list_playlists": 10,
    "invitations.list_invitations": 10,
    "players.of_playlist": 10,
    "players.whole_library": 100,
    "personal.export_all": 100,
    # All titles are looked at; a press begins a hundred jobs.
    "library_health.list_findings": 20,
    "library_health.start_remedies": 40,
}


def of(endpoint: str | None, query: Mapping[str, str]) -> int:
    """The cost of a call with this query. A limit that can't be one is refused later, at the cost of the longest."""
    if endpoint in LISTS:
        limit = query.get("limit", str(LISTS[endpoint]))
        entries = int(limit) if _NUMBER.fullmatch(limit) else _LONGEST
        return 1 + entries // ENTRIES_A_CALL
    return OTHERS.get(endpoint or "", 1)
