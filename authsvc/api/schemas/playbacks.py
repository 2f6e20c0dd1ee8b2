"""Watching."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import BaseModel, Field

from authsvc.api.schemas.common import Body, Device, Id, PersonOut, TitleOut
from catalog.contract.words import Door, LeaseState

Position = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Sequence = Annotated[
    int, Field(ge=0, lt=1 << 53, description="Counts up with each heartbeat: an older one than the newest is ignored")
]


class PlaybackIn(Body):
    device: Device = ""
    replace: Id | None = Field(
        None,
        description="A running playback of yours that ends in the same step. Where it is still being sent a moment"
        " later, the answer is 429 all the same: ask again after `Retry-After`",
    )


class LinksOut(BaseModel):
    source: str | None = None
    poster: str | None = None
    hls: str | None = None
    dash: str | None = None
    now: str | None = Field(
        None,
        description="HLS of a title that has none yet, made while it is watched: for who can't play `source`. Nothing"
        " is made before it is asked for. What is not there yet is waited for, and 503 `being_made` says to ask again",
    )
    subtitle: str | None = Field(None, description="Subtitles in the preferred language")


class ChosenOut(BaseModel):
    """What your preferences mean for this playback."""

    link: Literal["source", "hls", "dash"] | None = Field(description="The name of the link to play")
    alternatives: list[Literal["source", "hls", "dash"]] = Field(description="The other links, best first")
    max_height: int | None = Field(description="Highest picture to play, in lines; null: any")
    rate_bytes_per_second: int | None = Field(description="As fast as each connection gets it; null: no cap")
    language: str | None
    reason: str


class PlaybackOut(BaseModel):
    playback_id: Id
    expires_at: datetime
    heartbeat_seconds: int
    resume_seconds: float
    links: LinksOut
    chosen: ChosenOut


class HeartbeatIn(Body):
    position_seconds: Position
    state: Literal["playing", "paused"]
    sequence: Sequence | None = None


class LastPositionIn(BaseModel):
    position_seconds: Position | None = None
    sequence: Sequence | None = None


class StreamOut(BaseModel):
    playback_id: Id
    state: LeaseState
    user: PersonOut
    video: TitleOut
    since: datetime
    client: str | None
    device: str
    door: Door
    bytes: int = Field(description="Sent so far; what is under way is counted every few seconds")
    position_seconds: float
    connections: int | None = Field(None, description="Open ones; null while nobody counts")


class StreamsOut(BaseModel):
    items: list[StreamOut]
