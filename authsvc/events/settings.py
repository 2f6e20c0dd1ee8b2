"""Settings of the service that waits."""

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

    database_connections: Annotated[int, Field(ge=1, le=64)] = 8
    # Longest wait for a connection of the pool before 503, and for PostgreSQL's answer to one statement.
    database_wait_seconds: Seconds = 2
    database_statement_ms: Count = 2000
