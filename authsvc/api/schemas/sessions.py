"""Sessions and devices."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import BaseModel, Field

from authsvc.api.schemas.common import Body, Id, Line, Qr, Text
from catalog.contract.words import SessionKind


class DeviceIn(Body):
    name: Annotated[Line, Field(min_length=1, max_length=200, description="A name that you recognise it by")]


class DeviceOut(BaseModel):
    session_id: Id
    device_token: str = Field(description="Shown this once; for `POST /auth/device` and for playlists")
    library_url: str = Field(description="The whole library as M3U for this device; as secret as the token in it")
    qr: Qr
    name: str
    expires_at: datetime


class DeviceTokenIn(Body):
    device_token: Annotated[Text, Field(max_length=256)]


class AccessOut(BaseModel):
    access_token: str
    token_type: Literal["Bearer"]
    expires_in: int = Field(description="Seconds until the access token expires")
    session_id: Id


class ListedOut(BaseModel):
    session_id: Id
    kind: SessionKind
    device: str
    client: str | None = Field(None, description="Where it was opened from: an address, or later its /24 or /64")
    created_at: datetime
    last_seen_at: datetime = Field(description="At most a minute behind")
    expires_at: datetime
    second_factor: bool = Field(description="Was it opened with a second factor?")
    active: bool = Field(description="False when it was not used for a while: it counts no stream")
    current: bool = Field(description="Is it the one that asks?")


class SessionsOut(BaseModel):
    items: list[ListedOut]
