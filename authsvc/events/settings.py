"""Settings of the service that waits, and tells what changes."""

from pathlib import Path
from typing import Annotated

from pydantic import Field

from authsvc.settings import Count, DatabaseSettings, Seconds


class EventsSettings(DatabaseSettings):
    """Needs no secret: PostgreSQL knows it by its system user, and whoever asks was let in by authz."""

    # The published tree, in which workers put what they make.
    titles_dir: Path = Path("/srv/kinetoscope/titles")

    # Longest wait for a file, after which the viewer is told to ask again: below the 30 s after which players give up,
    # and below Nginx's patience (nginx_made_now_seconds).
    instant_wait_seconds: Seconds = 20
    # PostgreSQL hears this often that somebody still waits, and says whether there is any hope.
    instant_ask_seconds: Seconds = 2
    # The file is looked for this often: a fortieth of what a short segment lasts, and a microsecond of work.
    instant_look_seconds: Seconds = 0.05

    # Waits that hold a thread at once, beside the streams.
    instant_waits: Annotated[int, Field(ge=1, le=1024)] = 64

    # Streams of events at once: of all, each of which holds a thread and 0.2 MiB, and of one user (a stream a browser).
    event_streams: Annotated[int, Field(ge=1, le=2048)] = 256
    event_streams_per_user: Annotated[int, Field(ge=1, le=2048)] = 8
    # A stream on which nothing is told says so this often: below Nginx's patience (nginx_events_seconds).
    event_heartbeat_seconds: Seconds = 15
    # A browser whose stream broke waits this long before it asks again; a refused one twice as long, and longer.
    event_retry_seconds: Seconds = 2
    # What one stream may have before it that it has not taken, after which it is closed to go on later; and how long
    # its reader may take nothing.
    event_queue: Count = 256
    event_send_seconds: Seconds = 10
    # What was told is kept this long for those who come again; who missed more than so many changes begins anew.
    event_kept_seconds: Seconds = 3600
    event_resume_changes: Count = 1000
    # Whether the listeners' sessions go on is looked up this often: how long a revoked one may go on listening. When
    # that was not possible for so long, all streams end.
    event_session_seconds: Seconds = 2
    event_blind_seconds: Seconds = 10

    database_connections: Annotated[int, Field(ge=1, le=64)] = 8
    # Those of streams at their begin; the feed has one more.
    event_connections: Annotated[int, Field(ge=1, le=64)] = 2
    # Longest wait for a connection of the pool before 503, and for PostgreSQL's answer to one statement.
    database_wait_seconds: Seconds = 2
    database_statement_ms: Count = 2000
