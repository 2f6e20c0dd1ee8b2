"""Every setting of the ledger, its unit and its reason. Values come from where authsvc/settings.py says."""

from typing import Annotated

from pydantic import Field

from authsvc.settings import Count, LiveSettings, Seconds


class LedgerSettings(LiveSettings):
    """Reads the kernel's socket table and Nginx's account log."""

    # The account log that Nginx writes; what it was rotated to lies beside it.
    account_log: str = "/var/log/nginx/account.log"
    # Where Nginx writes which answers begin and end, in memory; and what the ledger keeps of it for its next start.
    answers_log: str = "/run/kinetoscope-answers/answers.log"
    answers_state: str = "/run/kinetoscope-ledger/answers.json"
    # Nginx's port for TLS; sockets of other ports are not looked at.
    media_port: Annotated[int, Field(ge=1, le=65_535)] = 443
    # Unix socket of the service that closes connections.
    cutter_socket: str = "/run/kinetoscope/cutter.sock"

    # Pause between two looks.
    tick_seconds: Seconds = 2
    # Longest wait for PostgreSQL's answer to one statement.
    database_statement_ms: Count = 5000
    # A lease whose bytes move is renewed this often.
    renew_seconds: Seconds = 5
    # Running playbacks are compared with PostgreSQL this often: the bound on an end that nobody announced.
    review_seconds: Seconds = 5
    # Sessions that nobody uses are looked for this often. Use is written down when it is 30 s old, so that
    # PostgreSQL is a minute behind at most.
    upkeep_seconds: Annotated[float, Field(gt=0, le=30)] = 20
    # When the wall clock was set by more than this, no session or playback is ended for its age until it has settled:
    # a jump may be taken back. What is over by the clock is refused meanwhile all the same.
    clock_step_seconds: Seconds = 60
    clock_settle_seconds: Seconds = 900
    # An answer of a playback that has ended may end by itself for this long, before its connection is cut.
    cut_after_seconds: Seconds = 1.5
    # A connection that nobody was let in on is cut when one answer has gone on for this long and has had this many
    # bytes: more than any of the interface, whose largest is the playlist of 100,000 titles (15 MB).
    stray_seconds: Seconds = 10
    stray_bytes: Annotated[int, Field(ge=0)] = 33_554_432
    # What was sent and is in no line of the log is written down from this many bytes of a connection on.
    unlogged_bytes: Annotated[int, Field(ge=1)] = 262_144
    # A connection that is gone waits this long for its line; then what it carried is booked as an estimate.
    unlogged_seconds: Seconds = 5
    # A playback that nothing was heard of for this long is closed: no link of it can be valid any more.
    forgotten_seconds: Seconds = 86_400
