"""Watching."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import BaseModel, Field

from authsvc.api.schemas.common import Body, Device, Id, PersonOut, TitleOut


class PlaybackIn(Body):
    device: Device = ""
    replace: Id | None = Field(None, description="A running playback of yours that ends in the same step")


class LinksOut(BaseModel):
    source: str | None = None
    poster: str | None = None
    hls: str | None = None
    dash: str | None = None


class PlaybackOut(BaseModel):
    playback_id: Id
    expires_at: datetime
    heartbeat_seconds: int
    resume_seconds: float
    links: LinksOut


class HeartbeatIn(Body):
    position_seconds: Annotated[float, Field(ge=0, allow_inf_nan=False)]
    state: Literal["playing", "paused"]


class StreamOut(BaseModel):
    playback_id: Id
    state: Literal["pending", "streaming", "idle", "paused"]
    user: PersonOut
    video: TitleOut
    since: datetime
    client: str | None
    device: str
    door: Literal["signed", "header"]
    bytes: int | None = Field(None, description="Not counted yet")
    position_seconds: float
    connections: int | None = Field(None, description="Not counted yet")


class StreamsOut(BaseModel):
    items: list[StreamOut]
