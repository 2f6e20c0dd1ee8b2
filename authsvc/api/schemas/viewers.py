"""Who may see which title: texts and viewers of a title, groups, defaults of folders."""

from typing import Annotated

from pydantic import AfterValidator, BaseModel, Field

from authsvc.api.schemas.common import Body, Id, Line, Page, PersonOut, Text
from catalog.contract import words

Visibility = Annotated[
    words.Visibility,
    Field(description="For everybody, for members, or for the users and groups that the title names"),
]


def _distinct(words: list[str]) -> list[str]:
    return list(dict.fromkeys(words))


Tag = Annotated[Line, Field(min_length=1, max_length=50)]
Ids = Annotated[list[Id], Field(max_length=1000)]
GroupName = Annotated[Line, Field(min_length=1, max_length=100)]


class VideoChangesIn(Body):
    """Fields that are left out stay as they are."""

    title: Annotated[Line, Field(min_length=1, max_length=300)] = ""
    description: Annotated[Page, Field(max_length=5000)] = ""
    tags: Annotated[list[Tag], Field(max_length=50), AfterValidator(_distinct)] = Field(default_factory=list)
    visibility: Visibility = "members"
    renditions: words.RenditionPolicy | None = Field(
        None,
        description="When versions that play everywhere are made and kept: where browsers can't play the file"
        " (as_needed), always (ladder), never (none). Null: what the root of the library says, from the next scan on",
    )


class ViewersIn(Body):
    """Replaces the lists; they count while the title's visibility is `named`."""

    users: Ids
    groups: Ids


class GroupOut(BaseModel):
    id: Id
    name: str


class ViewersOut(BaseModel):
    visibility: Visibility
    users: list[PersonOut]
    groups: list[GroupOut]


class GroupIn(Body):
    name: GroupName


class GroupSummaryOut(GroupOut):
    members: int


class GroupsOut(BaseModel):
    items: list[GroupSummaryOut]


class GroupDetailsOut(GroupOut):
    members: list[PersonOut]


class FolderIn(Body):
    root: Annotated[Text, Field(min_length=2, max_length=1024, description="Path of a root of the library")]
    folder: Annotated[Text, Field(max_length=1024, description="Path below the root; empty: the whole root")] = ""
    visibility: Visibility
    users: Ids = Field(default_factory=list)
    groups: Ids = Field(default_factory=list)


class FolderOut(BaseModel):
    id: Id
    root: str
    folder: str
    visibility: Visibility
    users: list[Id]
    groups: list[Id]


class FoldersOut(BaseModel):
    items: list[FolderOut]
