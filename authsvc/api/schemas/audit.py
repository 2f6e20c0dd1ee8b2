"""The audit trail."""

from datetime import datetime
from typing import Annotated, Any

from pydantic import BaseModel, Field

from authsvc.api.schemas.common import Id, Moment, PersonOut, Text


class AuditIn(BaseModel):
    event: Annotated[Text, Field(max_length=64)] | None = None
    user: Id | None = Field(None, description="Who did it, or to whom it was done")
    since: Moment | None = None
    until: Moment | None = Field(None, description="Not included itself")
    cursor: Annotated[str, Field(pattern=r"^[0-9]{1,18}$")] | None = None
    limit: Annotated[int, Field(ge=1, le=100)] = 50


class SubjectOut(BaseModel):
    subject_id: Id = Field(description="The same for everything this account did, also after it is gone")
    user: PersonOut | None = Field(None, description="null when the account is gone")


class AuditEventOut(BaseModel):
    id: Annotated[str, Field(pattern=r"^[0-9]{1,18}$")]
    at: datetime
    event: str
    actor: SubjectOut | None = None
    subject: SubjectOut | None = None
    client: str | None = Field(None, description="An address; of older events the /24 or /64 it was in")
    details: dict[str, Any]


class AuditOut(BaseModel):
    items: list[AuditEventOut]
    next_cursor: str | None = None
