"""Every setting of the services, its unit and its reason.

Values come from the environment with the prefix KINETOSCOPE_; secrets are files below $CREDENTIALS_DIRECTORY
(systemd.exec(5), "Credentials") named like the field. A wrong value stops the start with the variable's name and
without its content.
"""

import os
import re
from typing import Annotated, Literal, Self

from pydantic import Field, SecretStr, field_validator, model_validator
from pydantic_settings import (
    BaseSettings,
    NoDecode,
    PydanticBaseSettingsSource,
    SecretsSettingsSource,
    SettingsConfigDict,
)

from authsvc.link_keys import LinkKeys
from catalog.contract.words import Role
from catalog.copying import Limits

ENVIRONMENT_PREFIX = "KINETOSCOPE_"

Seconds = Annotated[float, Field(gt=0, le=366 * 86_400)]
Count = Annotated[int, Field(ge=1, le=1_000_000)]


class DatabaseSettings(BaseSettings):
    """The way to PostgreSQL."""

    model_config = SettingsConfigDict(
        env_prefix=ENVIRONMENT_PREFIX, extra="ignore", hide_input_in_errors=True, frozen=True
    )

    # libpq connection string; the role is the system user (peer authentication).
    database_url: str = "host=/run/postgresql dbname=kinetoscope"

    @classmethod
    def load(cls) -> Self:
        """Settings from environment and credentials. Raises pydantic.ValidationError naming what is wrong."""
        return cls()

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003  # the signature is pydantic's
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        sources: list[PydanticBaseSettingsSource] = [init_settings, env_settings]
        if directory := os.environ.get("CREDENTIALS_DIRECTORY"):
            sources.append(SecretsSettingsSource(settings_cls, secrets_dir=directory, env_prefix=""))
        return tuple(sources)


class AccountSettings(DatabaseSettings):
    """What the interface and the command line share: passwords, invitations and resets."""

    # https://name[:port] of the pages that may change state with cookies. Links for people lead to the first.
    public_origins: Annotated[tuple[str, ...], NoDecode] = ()

    # How long an invitation is good when its giver does not say.
    invitation_seconds: Seconds = 7 * 86_400
    # How long a token is good that lets a user choose a new password.
    password_reset_seconds: Seconds = 86_400

    # Characters of a password. NIST SP 800-63B-4 asks for 15 where it is the only factor, and for 8 beside a second.
    password_shortest: Annotated[int, Field(ge=8, le=256)] = 15
    # A password that a guesser finds within so many tries is refused.
    password_guesses: Annotated[int, Field(ge=1)] = 1_000_000

    @field_validator("public_origins", mode="before")
    @classmethod
    def split_origins(cls, value: object) -> object:
        if isinstance(value, str):
            return tuple(part.strip().rstrip("/").lower() for part in value.split(",") if part.strip())
        return value


class HealthSettings(DatabaseSettings):
    """From where on a file streams badly (library/health.py), and how much one press on a remedy begins."""

    # A key frame less often than this, in seconds: to seek, a player decodes from the last one on.
    health_key_frame_seconds: Seconds = 10
    # The densest second takes so many times the mean: a line that carries the mean falls behind there.
    health_peak_times: Annotated[float, Field(gt=1, le=1000)] = 3
    # Titles that are taken up at once; the press after it takes the next.
    health_remedies_at_once: Annotated[int, Field(ge=1, le=1000)] = 100


class LiveSettings(DatabaseSettings):
    """What authz, api and ledger share: the live store, limits, and times of sessions and leases."""

    # The Redis of sessions and leases (noeviction), and who signs in there. Without a password (tests) no AUTH is sent.
    redis_live_url: str = "unix:///run/redis-live/redis.sock"
    redis_username: str | None = None
    redis_live_password: SecretStr | None = None
    # Longest wait for an answer of the live Redis; beyond it the policy for an outage applies (authz/outage.py). Short
    # for decisions, which Nginx waits for with somebody's film, and for the ledger, whose rounds have a pace.
    redis_timeout_seconds: Seconds = 0.25

    # Life of an access token. A tombstone outlives it, and what Redis knows of a session, by 60 s.
    access_token_seconds: Annotated[int, Field(ge=30, le=3600)] = 600

    # How many playbacks may hold a lease at once. 0 means no limit.
    streams_per_session: Annotated[int, Field(ge=0)] = 3
    streams_per_user: Annotated[int, Field(ge=0)] = 3
    streams_per_box: Annotated[int, Field(ge=0)] = 0

    # A lease granted but not used yet; the player has this long to send its first request.
    lease_pending_seconds: Seconds = 30
    # How often the player reports its position; well below `lease_idle_seconds`.
    heartbeat_seconds: Annotated[int, Field(ge=1, le=3600)] = 15
    # A lease is kept this long after the last sign of life.
    lease_idle_seconds: Seconds = 90
    # A paused playback keeps its lease this long after the pause began.
    lease_paused_seconds: Seconds = 900

    # At the limit a lease of the same session gives way when it has no open answer and no heartbeat comes; one that has
    # not asked for anything yet, after this long. What is open is known this long after it began (Nginx's buffer).
    lease_starting_seconds: Seconds = 10
    answers_late_seconds: Seconds = 0.3

    # What stays in Redis of an ended playback, so that whoever read PostgreSQL before its end can't bring it back:
    # longer than any answer of PostgreSQL takes. Later on PostgreSQL is asked when somebody shows its link.
    ended_playback_seconds: Annotated[float, Field(ge=30, le=86_400)] = 120
    # How many of these there are of one session at a time (0.3 KiB each); the oldest goes first.
    ended_playbacks_per_session: Annotated[int, Field(ge=1, le=10_000)] = 32

    # After an admin's stop the same session can't open the same title at the header door for this long.
    stream_ban_seconds: Seconds = 600

    # Client addresses (IPv6: /64) that read one playback at once; more means that the link was passed on. An address
    # counts while bytes of an open answer move to it, and this long afterwards: longer than the pause between two looks
    # of the ledger, and shorter than it takes a phone to change its network twice. 0 switches the check off.
    addresses_per_playback: Annotated[int, Field(ge=0)] = 2
    addresses_window_seconds: Seconds = 4
    # Connections that carry one playback; more means the same. 0 switches the check off.
    sockets_per_playback: Annotated[int, Field(ge=0)] = 12

    # What Redis knows of a session, title or playback is compared with PostgreSQL this often: the bound on a
    # revocation whose message to Redis was lost.
    fresh_seconds: Seconds = 60
    # How long Redis answers without PostgreSQL being able to confirm it.
    live_session_seconds: Seconds = 900

    # A session that was not used for this long is inactive and holds no lease; after the second time it has ended.
    # Watching is use. Devices are exempt from the second.
    session_inactive_seconds: Seconds = 900
    session_idle_seconds: Seconds = 1800
    # An admin who signed in without a second factor acts as a user, until one is added and shown.
    second_factor_required_for_admins: bool = False

    @model_validator(mode="after")
    def inactive_session_holds_no_slot(self) -> Self:
        # A lease lapses at most this long after the last use, so nothing else has to free the leases.
        if max(self.lease_idle_seconds, self.lease_paused_seconds) > self.session_inactive_seconds:
            raise ValueError("session_inactive_seconds is shorter than a lease lasts (lease_idle, lease_paused)")
        if self.session_inactive_seconds > self.session_idle_seconds:
            raise ValueError("session_idle_seconds is shorter than session_inactive_seconds")
        return self

    @property
    def sparing_ms(self) -> tuple[int, int, int]:
        """Which leases give way, for the scripts: starting, beating, late."""
        # A heartbeat may be late by half.
        seconds = (self.lease_starting_seconds, 1.5 * self.heartbeat_seconds, self.answers_late_seconds)
        return tuple(round(each * 1000) for each in seconds)  # type: ignore[return-value]

    @property
    def tombstone_seconds(self) -> int:
        """Life of a tombstone: after it no token of the session is valid, and Redis does not know it as alive."""
        return max(self.access_token_seconds, round(self.live_session_seconds)) + 60


class ServiceSettings(LiveSettings):
    """What authz and api share beyond that."""

    # {kid: PEM} of the keys that verify access tokens.
    access_jwt_public: dict[str, str]

    # Bytes a second for each connection, by role; a role that is not named has no cap.
    stream_rate: dict[Role, Annotated[int, Field(ge=0)]] = {}


class AuthzSettings(ServiceSettings):
    """The decision endpoint."""

    # Redis gone: a playback open for longer than `outage_known_seconds` goes on for `outage_grace_seconds`.
    outage_known_seconds: Seconds = 5
    outage_grace_seconds: Seconds = 30
    # After a failure the dependency is left alone this long, so that time-outs can't pile up.
    outage_retry_seconds: Seconds = 1
    # Longest wait for a connection of PostgreSQL and for its answer; together below Nginx's proxy_read_timeout.
    database_wait_seconds: Seconds = 0.4
    database_statement_ms: Count = 1000


class ApiSettings(ServiceSettings, AccountSettings, HealthSettings):
    """The JSON interface."""

    # Four times a decision's: a call has nothing to go by without Redis but to refuse, and a busy box is no outage.
    redis_timeout_seconds: Seconds = 1

    # Counters that may be lost (allkeys-lru). Nobody waits longer for them than for a decision: a call goes on without.
    redis_cache_url: str = "unix:///run/redis-cache/redis.sock"
    redis_cache_password: SecretStr | None = None
    redis_cache_timeout_seconds: Seconds = 0.25

    play_keys: LinkKeys
    access_jwt_private: SecretStr
    # The kid of the private key; its public half must be in `access_jwt_public`.
    access_jwt_kid: str = "a1"

    # https://name[:port] that signed links lead to; empty when they are paths on the page's own origin.
    media_origin: Annotated[str, Field(pattern=r"^(https://[a-z0-9.-]+(:[0-9]{1,5})?)?$")] = ""

    # Is a title made while somebody watches it? Off where no worker does that: its link would lead to waits in vain.
    made_now: bool = True
    # Do workers copy pictures, and within which bounds? What they go by themselves (media/settings.py): seconds between
    # key frames, bits a second.
    copies: bool = True
    copy_key_seconds: Annotated[float, Field(ge=1, le=60)] = 12
    copy_rate: Annotated[int, Field(ge=100_000, le=1_000_000_000)] = 20_000_000

    # Paths of the library's roots: a folder with a default is below one of them.
    library_roots: tuple[str, ...] = ()

    # Who may register: everybody, who has an invitation, or nobody.
    registration: Literal["open", "invitation", "closed"] = "invitation"

    # A session ends this long after sign-in.
    session_seconds: Seconds = 86_400
    # A refresh token that is sent again this soon, because its answer got lost, gets another successor unless somebody
    # has used the first. 0: a second use always ends the session.
    refresh_retry_seconds: Annotated[float, Field(ge=0, le=3600)] = 60
    # Sessions of one user at once, of browsers and programs; 0 means no limit. One more ends the oldest (evict) or is
    # refused with the list of them (refuse).
    sessions_per_user: Annotated[int, Field(ge=0, le=10_000)] = 3
    session_limit_policy: Literal["evict", "refuse"] = "evict"
    # The same for televisions and players, whose sessions last longer; one more is refused.
    device_sessions_per_user: Annotated[int, Field(ge=0, le=10_000)] = 10
    device_session_seconds: Seconds = 180 * 86_400

    # May anybody look at what is public without an account? Sessions of guests are bounded, for the whole box and for
    # each address (IPv6: /64), and last this long at most.
    guests: bool = True
    guests_per_box: Count = 100
    guests_per_address: Count = 5
    guest_session_seconds: Seconds = 14_400

    # 32 random bytes in base64url that encrypt the secrets of authenticator apps; without it none can be added.
    second_factor_key: SecretStr | None = None
    # Wrong codes of an authenticator app that one user may send within the window.
    second_factor_failures: Count = 10
    second_factor_window_seconds: Annotated[int, Field(ge=1, le=86_400)] = 3600
    # Half a sign-in or a registration waits this long for its other half.
    challenge_seconds: Seconds = 300
    # Wrong answers to one challenge, after which one starts over with the password.
    challenge_attempts: Count = 5
    # What changes who may sign in asks for a password or factor that was shown within this time.
    proof_seconds: Seconds = 600
    # `last_seen_at` of a session is written at most this often.
    session_touch_seconds: Seconds = 60

    # Life of a signed link: min(factor x duration + slack, longest). The lease, not the link, is the control.
    link_duration_factor: Annotated[float, Field(ge=1, le=10)] = 1.5
    link_slack_seconds: Seconds = 1800
    link_longest_seconds: Seconds = 28_800
    # Life of a link that a television or player is sent to. VLC and Kodi keep to it for as long as they are open and
    # follow no redirect in the middle of a film, so a pause must not outlive it. The end of the playback or of its
    # session ends it all the same. Not longer than a silent playback is kept open (`forgotten_seconds`).
    link_device_seconds: Annotated[float, Field(gt=0, le=86_400)] = 86_400

    # How long the cache keeps a title's page, and what is featured; popularity is computed anew as often as that.
    title_cache_seconds: Seconds = 3600
    popular_cache_seconds: Seconds = 300
    # A heartbeat that arrives this long after the end of its playback still saves the position.
    late_heartbeat_seconds: Seconds = 30
    # How many playlists a user may have, and how many entries each.
    playlists_per_user: Count = 200
    playlist_items: Count = 1000
    # A title counts as begun (to be continued) from this position on.
    resume_head_seconds: Annotated[float, Field(ge=0)] = 10
    # A position nearer to the end than this counts as watched to the end: the next play starts at 0.
    resume_tail_seconds: Annotated[float, Field(ge=0)] = 15

    # Playlists for players: titles in a list of the whole library, titles read from PostgreSQL at a time, longest time
    # to write a list, and how many lists of the whole library each worker process writes at once.
    m3u_entries: Count = 100_000
    m3u_page_entries: Annotated[int, Field(ge=1, le=10_000)] = 1000
    m3u_seconds: Seconds = 60
    m3u_at_once: Annotated[int, Field(ge=1, le=8)] = 2

    # argon2 takes 64 MiB a hash: how many each worker process computes at once, and how many of those places are for
    # devices that the account has signed in from before.
    hashes_at_once: Annotated[int, Field(ge=1, le=64)] = 2
    hashes_reserved: Annotated[int, Field(ge=0, le=63)] = 1
    # How many wait for a place in each worker, of strangers and of known devices, and for how long. A caller has one
    # hash at a time on the whole box; as many more of that caller wait beside the line.
    hashes_waiting: Annotated[int, Field(ge=0, le=64)] = 2
    hash_wait_seconds: Seconds = 5

    # Failed sign-ins within the window: of one address (IPv6: /64), of one account from one address, and of one
    # account from anywhere (NIST SP 800-63B-4, 3.2.2: at most 100).
    login_window_seconds: Annotated[int, Field(ge=1, le=86_400)] = 600
    login_failures_per_address: Count = 50
    login_failures_per_account_and_address: Count = 10
    login_failures_per_account: Count = 100
    # Of a device that the account has signed in from before: it counts for itself, so that strangers can't lock it out.
    login_failures_per_device: Count = 10
    # How long a device stays known after its last sign-in; browsers keep no cookie for longer than 400 days.
    known_device_seconds: Annotated[int, Field(ge=1, le=400 * 86_400)] = 400 * 86_400

    # Calls of one user in a minute, or of one address (IPv6: /64) that nobody is signed in at, by class. Some calls
    # count more than once (api/protocol/costs.py).
    general_calls_per_minute: Count = 3000
    login_calls_per_minute: Count = 60
    streaming_calls_per_minute: Count = 600

    # The answer to a call with an Idempotency-Key is given again for this long.
    repeat_seconds: Annotated[int, Field(ge=60, le=604_800)] = 86_400
    # Bytes of such answers that one user may have kept in that time, some 500 of them; guests by address.
    repeat_bytes_per_caller: Annotated[int, Field(ge=1024)] = 524_288

    # Largest request body in bytes; no call of this interface needs more.
    body_bytes: Annotated[int, Field(ge=1024)] = 65_536
    database_connections: Annotated[int, Field(ge=1, le=64)] = 8
    # Longest wait for a connection of the pool before 503, and for PostgreSQL's answer to one statement: five times a
    # decision's, which has to be there before Nginx gives up; a search or a list of the library may take its time.
    database_wait_seconds: Seconds = 2
    database_statement_ms: Count = 5000

    @field_validator("second_factor_key")
    @classmethod
    def key_is_a_key(cls, key: SecretStr | None) -> SecretStr | None:
        if key is not None and not re.fullmatch(r"[A-Za-z0-9_-]{43}", key.get_secret_value()):
            raise ValueError("is not 32 bytes in base64url (43 characters)")
        return key

    @model_validator(mode="after")
    def kid_has_public_half(self) -> "ApiSettings":
        if self.access_jwt_kid not in self.access_jwt_public:
            raise ValueError("KINETOSCOPE_ACCESS_JWT_KID names a key that access_jwt_public does not hold")
        return self

    @property
    def copying(self) -> Limits | None:
        """Within which bounds a picture is copied; None: none is."""
        return Limits(self.copy_key_seconds, self.copy_rate) if self.copies else None


class CommandSettings(LiveSettings, AccountSettings, HealthSettings):
    """The command line on the box."""

    # As the interface's.
    redis_timeout_seconds: Seconds = 1
