"""How well the files of the library stream."""

from typing import Annotated

from pydantic import BaseModel, Field, field_validator

from authsvc.api.schemas.common import Body, Id, Text, TitleOut
from authsvc.library import cursors
from catalog.contract.words import CurableFinding, HealthFinding, HealthPlace, HealthRemedy, JobState

NAMED_AT_ONCE = 100


class HealthIn(BaseModel):
    finding: HealthFinding | None = Field(None, description="Only titles that have this one")
    cursor: Annotated[Text, Field(max_length=cursors.LONGEST)] | None = None
    limit: Annotated[int, Field(ge=1, le=100)] = 50


class FindingOut(BaseModel):
    finding: HealthFinding
    sentence: str = Field(description="What it means for this title, for people; it may change")
    remedy: HealthRemedy = Field(
        description="transcode: versions that play everywhere; rescan: another look at the file; by_hand: what the"
        " sentence says; none: nothing has to be done"
    )


class PlaysOut(BaseModel):
    place: HealthPlace = Field(description="`browsers` are all current ones")
    plays: bool
    obstacles: list[str] = Field(description="Why not, by the part of the file: `sound: dts`")


class HealthOut(BaseModel):
    video: TitleOut
    filename: str
    plays: list[PlaysOut] = Field(description="Where the file plays as it is")
    findings: list[FindingOut] = Field(description="Worst first")
    has_versions: bool = Field(description="Whether versions that play everywhere are kept")
    making: JobState | None = Field(description="The state of the last job that makes them; null: there is none")
    is_due: bool = Field(description="Whether the next scan looks at the file again, since that was asked for")


class HealthsOut(BaseModel):
    items: list[HealthOut]
    next_cursor: str | None


class CountOut(BaseModel):
    finding: HealthFinding
    meaning: str = Field(description="For people; it may change")
    remedy: HealthRemedy
    titles: int = Field(description="How many have it")
    under_way: int = Field(description="Of them those that are being helped")
    startable: int = Field(description="Of them those that remedies without `video_ids` take up")


class CountsOut(BaseModel):
    items: list[CountOut] = Field(description="All findings, worst first")


class RemediesIn(Body):
    finding: CurableFinding
    video_ids: (
        Annotated[list[Id], Field(min_length=1, max_length=NAMED_AT_ONCE, json_schema_extra={"uniqueItems": True})]
        | None
    ) = Field(
        None,
        description="These titles, also if their policy of renditions is `none` or their last job failed; without it"
        " the next of all that have the finding, the most watched first, as many as the service takes up at once",
    )

    @field_validator("video_ids")
    @classmethod
    def _named_once(cls, ids: list[str] | None) -> list[str] | None:
        if ids and len(set(ids)) < len(ids):
            raise ValueError("a title is named twice")
        return ids


class RemediesOut(BaseModel):
    finding: CurableFinding
    remedy: HealthRemedy
    started: int
    under_way: int = Field(description="Of the titles that were named those that are being helped already")
    left: int = Field(description="How many the same call without `video_ids` takes up later")
