"""The library."""

from datetime import datetime
from typing import Annotated

from pydantic import BaseModel, Field

from authsvc.api.schemas.common import Id, Text
from authsvc.api.schemas.jobs import WorkOut
from authsvc.api.schemas.ratings import RatingOut
from authsvc.library import cursors
from catalog.contract.words import (
    EditList,
    MoovPosition,
    RenditionPolicy,
    Scan,
    TitleStatus,
    TrackKind,
    Visibility,
)

Word = Annotated[Text, Field(min_length=1, max_length=64)]
Lines = Annotated[int, Field(ge=0, le=100_000)]
Length = Annotated[float, Field(ge=0, le=1e9, allow_inf_nan=False)]
Year = Annotated[int, Field(ge=0, le=9999)]


class VideosIn(BaseModel):
    q: Annotated[Text, Field(max_length=200)] | None = None
    sort: cursors.Sort = "added"
    cursor: Annotated[Text, Field(max_length=cursors.LONGEST)] | None = None
    limit: Annotated[int, Field(ge=1, le=100)] = 50
    codec: Word | None = Field(None, description="Of video or sound, such as h264 or aac")
    container: Word | None = None
    status: TitleStatus | None = None
    tag: Annotated[Text, Field(min_length=1, max_length=50)] | None = None
    folder: Annotated[Text, Field(min_length=1, max_length=500)] | None = Field(
        None, description="Path below a root of the library"
    )
    min_height: Lines | None = Field(None, description="Of the picture, in lines")
    max_height: Lines | None = None
    min_duration: Length | None = Field(None, description="Seconds")
    max_duration: Length | None = None
    min_year: Year | None = None
    max_year: Year | None = None


class FileOut(BaseModel):
    name: str
    href: str = Field(description="At the header door: send the cookie or the Bearer token")
    type: str
    size_bytes: int


class VideoOut(RatingOut):
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
    video_codec_string: str | None = Field(
        description="What to ask a player about, by RFC 6381: avc1.64001F. Profile, level and depth are the file's,"
        " constraint flags the usual ones; null: the codec has no such name, or the file was not looked at again yet"
    )
    audio_codec_string: str | None = Field(description="The same of the sound: mp4a.40.2")
    size_bytes: int
    visibility: Visibility
    year: int | None = Field(description="By a note beside the file, else what the file or its name tells")
    original_title: str | None = Field(description="This and what follows are told by a note (.nfo) beside the file")
    show: str | None = Field(description="That this is an episode of")
    season: int | None
    episode: int | None
    people: list[str] = Field(description="Who made it, then who is to be seen")
    status: TitleStatus
    status_reason: str | None
    files: list[FileOut]
    poster_href: str | None
    added_at: datetime
    direct_play: bool
    made_now: bool = Field(
        description="Can be watched while it is made, where the source does not play: the grant has the link `now`"
    )


class TrackOut(BaseModel):
    position: int = Field(description="Index within the container, from 0")
    kind: TrackKind
    codec: str
    codec_string: str | None = Field(description="By RFC 6381; null for a codec without such a name")
    profile: str | None
    language: str | None
    title: str | None
    channels: int | None
    sample_rate: int | None = Field(description="Hz")
    bitrate: int | None = Field(description="Bits a second")
    is_default: bool
    is_forced: bool
    is_text: bool | None = Field(
        description="Of subtitles: can they be had as text? Others are pictures (PGS, VobSub). Of other tracks: null"
    )


class SubtitleOut(BaseModel):
    name: str = Field(
        description="Of the WebVTT; a script of ASS is among `files` under the same name, ending in .ass. Of those that"
        " are pictures: of a file of Blu-ray's segments (PGS, .sup), whatever they were in the film"
    )
    is_text: bool = Field(description="WebVTT; false: pictures, which a player has to draw over the film's")
    href: str = Field(description="At the header door: send the cookie or the Bearer token")
    language: str = Field(description="ISO 639: two letters, or three where it has no two; und: not told")
    title: str | None
    is_default: bool
    is_forced: bool = Field(description="For what is said in another language than the rest, and signs")
    is_hearing_impaired: bool


class ChapterOut(BaseModel):
    title: str | None = None
    start_seconds: float
    end_seconds: float


class VideoDetailsOut(VideoOut):
    renditions: RenditionPolicy | None = Field(
        description="When versions that play everywhere are made and kept; null: the next scan finds out"
    )
    renditions_chosen: RenditionPolicy | None = Field(description="The same, if it was chosen for this title alone")
    hdr: str | None
    rotation: int = Field(description="Degrees clockwise that a player turns the picture")
    bit_depth: int | None = Field(description="Bits of a sample of the picture; null here and below: not known")
    pixel_width: int | None = Field(
        description="With `pixel_height` the shape of a pixel: 16 and 15; 1 and 1 is square"
    )
    pixel_height: int | None
    scan: Scan | None = Field(description="tff and bff are interlaced: the upper or the lower field is shown first")
    open_gop: bool | None = Field(
        description="Pictures in front of a key frame need what is behind it: seen at the start, the middle or the end"
    )
    edit_list: EditList | None = Field(
        description="Of MP4: a track begins later than the film (delays), or something is cut away by it (trims)"
    )
    key_frame_seconds: float | None = Field(description="From one key frame to the next, at most")
    peak_bitrate: int | None = Field(description="Bits a second where the file is densest, over a second or more")
    moov_position: MoovPosition | None = Field(description="Of MP4: where its index is; null: no MP4")
    chapters: list[ChapterOut]
    making: list[WorkOut] = Field(
        description="What workers are doing for the title or are going to, and what failed and was not tried anew"
    )
    container_tags: dict[str, str]
    remarks: list[str] = Field(description="Why pictures and notes that lie beside the file are not used")
    tracks: list[TrackOut]
    subtitles: list[SubtitleOut] = Field(
        description="As WebVTT the file's own, then those beside it; then the file's own that are pictures"
    )
    storyboard_href: str | None = Field(
        description="WebVTT whose cues name a sheet and, as #xywh=, the place on it: pictures for the seek bar"
    )


class FeaturedOut(BaseModel):
    popular: list[VideoOut] = Field(description="Watched most; at most 5 minutes old")
    recent: list[VideoOut] = Field(description="Added last")


class VideosOut(BaseModel):
    items: list[VideoOut]
    next_cursor: str | None
