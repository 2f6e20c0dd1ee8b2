"""Uploads."""

from datetime import datetime
from typing import Annotated, Any, Final, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, Field

from authsvc.api.schemas.common import Body, Id, Line, Moment, Page, Text
from catalog.contract.words import RenditionPolicy, UploadState, Visibility
from catalog.text import has_something_to_see, is_clean
from catalog.uploads import MOST_PARTS

# Asked for as parts are sent, so that what arrived before is appended meanwhile.
MOST_LINKS: Final = 16
_LONGEST_NAME_BYTES: Final = 200


def _below_a_root(folder: str) -> str:
    """Plain names with slashes between them; one that begins with a dot would be hidden from the library."""
    if not folder:
        return folder
    for name in folder.split("/"):
        is_plain = is_clean(name) and has_something_to_see(name) and name == name.strip() and not name.startswith(".")
        if not is_plain or len(name.encode()) > _LONGEST_NAME_BYTES:
            raise ValueError("is not a path of plain names below the root, such as Films/2026")
    return folder


def _is_text(value: Any) -> Any:
    """pydantic would read a bare number as seconds since 1970."""
    if value is not None and not isinstance(value, str):
        raise ValueError("is not a time like 2026-01-31T12:00:00Z")
    return value


Name = Annotated[Line, Field(min_length=1, max_length=255, description="Of the file, where it comes from")]
Title = Annotated[Line, Field(min_length=1, max_length=300)]
Description = Annotated[Page, Field(max_length=10_000)]
Folder = Annotated[
    Text, AfterValidator(_below_a_root), Field(max_length=500, description="Below the root; empty for the root itself")
]
Digest = Annotated[str, Field(pattern="^[0-9a-f]{64}$", description="SHA-256 of the whole file, in hexadecimal")]
Number = Annotated[int, Field(ge=1, le=MOST_PARTS)]
Root = Annotated[Text, Field(max_length=4096, description="One of `places`")]


class PlaceIn(Body):
    root: Root | None = Field(default=None, description="The first of `places` if nothing is said")
    folder: Folder = ""


class UploadIn(Body):
    name: Name
    size_bytes: Annotated[int, Field(ge=1, le=1 << 53)]
    sha256: Digest | None = Field(None, description="If it is told, the file has to have it")
    modified_at: Annotated[Moment, Field(strict=False), BeforeValidator(_is_text)] | None = Field(
        None, description="By which somebody who goes on finds the same file again"
    )
    title: Title | None = Field(None, description="Made from the name if nothing is said")
    description: Description = ""
    visibility: Visibility | None = Field(
        None, description="The folder's default if nothing is said; `named` names you alone at first"
    )
    renditions: RenditionPolicy | None = Field(
        None,
        description="When versions that play everywhere are made and kept: where browsers can't play the file"
        " (as_needed), always (ladder), never (none). The policy of its root if nothing is said",
    )
    place: PlaceIn = PlaceIn()


class UploadChangesIn(Body):
    """Fields that are left out stay as they are."""

    title: Title = ""
    description: Description = ""
    visibility: Visibility | None = None
    renditions: RenditionPolicy | None = None
    folder: Folder = ""
    sha256: Digest | None = None


class PartsIn(Body):
    numbers: Annotated[list[Number], Field(min_length=1, max_length=MOST_LINKS)]


class PlaceOut(BaseModel):
    root: str
    folder: str


class UploadOut(BaseModel):
    id: Id
    name: str
    size_bytes: int
    sha256: str | None
    modified_at: datetime | None
    title: str = Field(description="Empty: made from the name")
    description: str
    visibility: Visibility | None
    renditions: RenditionPolicy | None = Field(description="Null: the policy of its root")
    place: PlaceOut
    part_size_bytes: int = Field(description="Of each part but the last, which is what is left")
    parts: int = Field(description="How many there are; they are numbered from 1")
    arrived_parts: int
    state: UploadState
    reason: str | None = Field(description="Why it was refused")
    video_id: Id | None = Field(description="The title that it became")
    created_at: datetime
    expires_at: datetime = Field(description="Unless something is heard of it before")


class UploadDetailsOut(UploadOut):
    arrived: list[int] = Field(description="The numbers of the parts that are here")


class UploadsOut(BaseModel):
    items: list[UploadOut]
    places: list[str] = Field(description="Roots that an upload may go to; none: nothing can be uploaded here")
    largest_bytes: int


class PartLinkOut(BaseModel):
    number: int
    method: Literal["PUT"]
    href: str = Field(description="Takes exactly these bytes of the file, and no other; it is its own permission")
    offset: int
    length: int


class PartLinksOut(BaseModel):
    items: list[PartLinkOut]
    expires_at: datetime
