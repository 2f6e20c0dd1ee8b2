"""What is one's own: profile, preferences, history."""

from datetime import datetime
from typing import Annotated

from pydantic import BaseModel, Field

from authsvc.api.schemas.auth import UserOut
from authsvc.api.schemas.common import Body, Line, Text
from authsvc.api.schemas.videos import VideoOut
from authsvc.library import cursors
from catalog.contract.words import DeviceKind, Quality

Password = Annotated[Text, Field(min_length=1, max_length=1024)]


class ProfileOut(UserOut):
    display_name: str | None
    email: str | None


class ProfileIn(Body):
    """Fields that are left out stay as they are."""

    display_name: Annotated[Line, Field(min_length=1, max_length=100)] | None = None
    email: Annotated[Text, Field(min_length=3, max_length=254)] | None = None
    password: Password | None = Field(None, description="Yours; needed to change the e-mail address")


class FarewellIn(Body):
    password: Password


class PreferencesIn(Body):
    """All of them: what is left out goes back to its default."""

    quality: Quality = "auto"
    bandwidth_bps: Annotated[int, Field(ge=100_000, le=1_000_000_000)] | None = Field(
        None, description="Bits a second that a playback may take; null: as fast as it goes"
    )
    device_kind: DeviceKind | None = None
    language: Annotated[str, Field(max_length=35, pattern=r"^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*$")] | None = Field(
        None, description="BCP 47, such as fi or pt-BR"
    )


class PreferencesOut(BaseModel):
    quality: str
    bandwidth_bps: int | None
    device_kind: str | None
    language: str | None


class HistoryIn(BaseModel):
    cursor: Annotated[Text, Field(max_length=cursors.LONGEST)] | None = None
    limit: Annotated[int, Field(ge=1, le=100)] = 50


class ContinueIn(BaseModel):
    limit: Annotated[int, Field(ge=1, le=100)] = 20


class EntryOut(BaseModel):
    video: VideoOut
    position_seconds: float
    watched_at: datetime
    finished: bool


class HistoryOut(BaseModel):
    items: list[EntryOut]
    next_cursor: str | None


class ContinueOut(BaseModel):
    items: list[EntryOut]
