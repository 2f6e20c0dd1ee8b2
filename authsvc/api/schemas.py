"""What the interface takes and gives. The OpenAPI document is made from these, and input is checked by them."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from authsvc import cursors


def _storable(text: str) -> str:
    """What PostgreSQL's text and UTF-8 can hold: no NUL, and no half of a surrogate pair (JSON can write both)."""
    if any(character == "\0" or "\ud800" <= character <= "\udfff" for character in text):
        raise ValueError("contains a character that is not text")
    return text


Text = Annotated[str, AfterValidator(_storable)]
Id = Annotated[str, Field(pattern=r"^[0-9a-f]{32}$", description="32 lowercase hex digits")]
Device = Annotated[Text, Field(max_length=200, description="A name that people recognise the device by")]


class Body(BaseModel):
    """A request's body: a field of the wrong type is an error and never converted; unknown fields are ignored."""

    model_config = ConfigDict(strict=True)


class LoginIn(Body):
    username: Annotated[Text, Field(min_length=1, max_length=256)]
    password: Annotated[Text, Field(min_length=1, max_length=1024)]
    device: Device = ""
    cookies: bool = Field(False, description="Answer with cookies instead of tokens; browsers always get cookies")


class RefreshIn(Body):
    refresh_token: Annotated[Text, Field(max_length=256)] | None = None


class UserOut(BaseModel):
    id: Id
    username: str
    role: str


class SessionOut(BaseModel):
    access_token: str | None = Field(None, description="Not there in cookie mode")
    token_type: Literal["Bearer"] | None = None
    expires_in: int = Field(description="Seconds until the access token or cookie expires")
    refresh_token: str | None = Field(None, description="For one use; not there in cookie mode")
    session_id: Id
    user: UserOut


class VideosIn(BaseModel):
    q: Annotated[Text, Field(max_length=200)] | None = None
    sort: cursors.Sort = "added"
    cursor: Annotated[Text, Field(max_length=cursors.LONGEST)] | None = None
    limit: Annotated[int, Field(ge=1, le=100)] = 50


class FileOut(BaseModel):
    name: str
    href: str = Field(description="At the header door: send the cookie or the Bearer token")
    type: str
    size_bytes: int


class VideoOut(BaseModel):
    id: Id
    title: str
    description: str
    tags: list[str]
    filename: str
    container: str | None
    duration_seconds: float | None
    width: int | None
    height: int | None
    fps: float | None
    bitrate: int | None
    video_codec: str | None
    audio_codec: str | None
    size_bytes: int
    status: Literal["ready", "waiting", "broken"]
    status_reason: str | None
    files: list[FileOut]
    poster_href: str | None
    added_at: datetime
    direct_play: bool


class TrackOut(BaseModel):
    position: int = Field(description="Index within the container, from 0")
    kind: Literal["video", "audio", "subtitle"]
    codec: str
    profile: str | None
    language: str | None
    title: str | None
    channels: int | None
    sample_rate: int | None = Field(description="Hz")
    bitrate: int | None = Field(description="Bits a second")
    is_default: bool
    is_forced: bool


class ChapterOut(BaseModel):
    title: str | None = None
    start_seconds: float
    end_seconds: float


class VideoDetailsOut(VideoOut):
    hdr: str | None
    rotation: int = Field(description="Degrees clockwise that a player turns the picture")
    chapters: list[ChapterOut]
    container_tags: dict[str, str]
    tracks: list[TrackOut]


class VideosOut(BaseModel):
    items: list[VideoOut]
    next_cursor: str | None


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


class PersonOut(BaseModel):
    id: Id
    username: str


class TitleOut(BaseModel):
    id: Id
    title: str


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


class ProblemOut(BaseModel):
    type: str
    title: str
    status: int
    detail: str
    code: str
    request_id: str
