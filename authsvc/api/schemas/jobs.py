"""What workers do."""

from datetime import datetime
from typing import Annotated

from pydantic import BaseModel, Field

from authsvc.api.schemas.common import Body, Id, PersonOut, Text, TitleOut
from authsvc.library import cursors
from catalog.contract.words import JobKind, JobPlace, JobState, JobUrgency


class JobsIn(BaseModel):
    state: JobState | None = None
    cursor: Annotated[Text, Field(max_length=cursors.LONGEST)] | None = None
    limit: Annotated[int, Field(ge=1, le=100)] = 50


class WorkOut(BaseModel):
    id: Id
    kind: JobKind
    state: JobState
    urgency: JobUrgency = Field(description="Why it is wanted: what somebody waits for comes first")
    stage: str | None = Field(description="What is being done, in a word or two")
    progress: float = Field(description="From 0 to 1")
    speed: float | None = Field(description="Seconds of film a second; null where that says nothing")
    seconds_left: float | None = Field(description="If it goes on as it went so far")
    attempts: int
    reason: str | None = Field(description="Why it failed, or has to be begun anew")
    created_at: datetime
    started_at: datetime | None
    ended_at: datetime | None


class UploadedOut(BaseModel):
    id: Id
    name: str


class JobOut(WorkOut):
    video: TitleOut | None
    upload: UploadedOut | None = Field(description="The file that it is about, as long as the upload is listed")
    requested_by: PersonOut | None = Field(description="null: nobody; a scan found that it is to be done")


class JobChangesIn(Body):
    place: JobPlace = Field(description="Before, or after, all others that are queued now")


class JobsOut(BaseModel):
    items: list[JobOut]
    next_cursor: str | None
