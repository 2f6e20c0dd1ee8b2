"""Playlists."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import BaseModel, Field

from authsvc.api.schemas.common import Body, Id, Line, Page, PersonOut, Text
from authsvc.api.schemas.videos import VideoOut
from authsvc.library import cursors

Name = Annotated[Line, Field(min_length=1, max_length=200)]
Description = Annotated[Page, Field(max_length=2000)]
Place = Annotated[int, Field(ge=0, le=1_000_000, description="From 0; beyond the end is the end")]


class PlaylistsIn(BaseModel):
    whose: Literal["mine", "public"] = "mine"


class EntriesIn(BaseModel):
    cursor: Annotated[Text, Field(max_length=cursors.LONGEST)] | None = None
    limit: Annotated[int, Field(ge=1, le=100)] = 50


class PlaylistIn(Body):
    name: Name
    description: Description = ""
    is_public: bool = False


class PlaylistChangesIn(Body):
    """Fields that are left out stay as they are."""

    name: Name = ""
    description: Description = ""
    is_public: bool = False


class ItemIn(Body):
    video_id: Id
    position: Place | None = None


class MoveIn(Body):
    position: Place


class PlaylistOut(BaseModel):
    id: Id
    name: str
    description: str
    is_public: bool
    owner: PersonOut
    length: int = Field(description="Titles that you may see")
    created_at: datetime
    updated_at: datetime


class PlaylistsOut(BaseModel):
    items: list[PlaylistOut]


class ItemOut(BaseModel):
    id: Id
    position: int
    video: VideoOut


class PlaylistDetailsOut(PlaylistOut):
    items: list[ItemOut]
    next_cursor: str | None = Field(description="For GET /playlists/{playlist_id}; null: these were the last entries")
