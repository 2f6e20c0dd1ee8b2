"""Watching."""

from datetime import datetime
from typing import Annotated, Final, Literal, Self

from pydantic import AfterValidator, BaseModel, Field, model_validator

from authsvc.api.schemas.common import Body, Device, Id, PersonOut, TitleOut
from authsvc.watching.abilities import LONGEST_TYPE, TYPE, is_media_type
from catalog.contract.words import (
    DeviceKind,
    Door,
    DynamicRange,
    LeaseState,
    Manifest,
    PlaybackLink,
    PlaybackWay,
    Player,
)

# A device's whole list of answers, twice as long as the questions are today.
MOST_TYPES: Final = 128


def _media_type(text: str) -> str:
    if not is_media_type(text):
        raise ValueError('is no media type or codec, such as video/mp4; codecs="avc1.640028" or avc1.640028')
    return text


MediaType = Annotated[
    str, Field(max_length=LONGEST_TYPE, json_schema_extra={"pattern": f"^(?:{TYPE})$"}), AfterValidator(_media_type)
]
Position = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Sequence = Annotated[
    int, Field(ge=0, lt=1 << 53, description="Counts up with each heartbeat: an older one than the newest is ignored")
]


class PlaysIn(Body):
    """What the device plays: by what it says of itself, or by the manual of its player."""

    profile: Player | None = Field(None, description="A player that can't be asked; else name what it `decodes`")
    decodes: Annotated[list[MediaType], Field(min_length=1, max_length=MOST_TYPES)] | None = Field(
        None,
        description="Media types with codec strings by RFC 6381 (avc1.64001f, not h264: a title's video_codec_string)."
        " GET /api/v1/playbacks/questions has those to ask about; one that decodes a level decodes those below",
    )
    fails: Annotated[list[MediaType], Field(max_length=MOST_TYPES)] = Field(
        [], description="Of `decodes`, what failed here, or would by the title's own size and rate: exact codec strings"
    )
    kind: DeviceKind | None = None
    max_height: Annotated[int, Field(ge=1, le=100_000)] | None = Field(None, description="Lines that it shows")
    hdr: Annotated[list[DynamicRange], Field(max_length=3)] | None = Field(
        None, description="What it shows beside usual pictures; null: leave that to it"
    )
    manifests: Annotated[list[Manifest], Field(max_length=2)] = Field(
        ["hls", "dash"], description="What it reads; none: files alone"
    )

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if (self.profile is None) == (self.decodes is None):
            raise ValueError("name a `profile`, or what the device `decodes`, and not both")
        return self


class PlaybackIn(Body):
    device: Device = ""
    plays: PlaysIn | None = Field(
        None, description="What this device plays; without it the answer is for what every browser plays"
    )
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


class WayOut(BaseModel):
    way: PlaybackWay
    link: PlaybackLink = Field(description="The name of its link in `links`")
    reason: str = Field(description="A sentence for people; it may change")


class ChosenOut(BaseModel):
    """What the device and your preferences mean for this playback."""

    link: PlaybackLink | None = Field(description="The name of the link to play; `now` only where `plays` was told")
    alternatives: list[PlaybackLink] = Field(description="The other links, best first")
    ways: list[WayOut] = Field(description="What may be played, in the order to try it; on an error take the next")
    refused: list[WayOut] = Field(description="What this device can't play of the title, and why")
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


class QuestionsOut(BaseModel):
    version: str = Field(description="Of the list: answers are good for as long as it is the same")
    types: list[str] = Field(description="Media types to ask the device about; those without codecs are containers")


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
