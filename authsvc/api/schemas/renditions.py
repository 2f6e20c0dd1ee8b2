"""What is to be made of a title."""

from typing import Annotated, Self

from pydantic import BaseModel, Field, model_validator

from authsvc.api.schemas.common import Body
from authsvc.api.schemas.jobs import JobOut
from catalog.contract.words import PROFILES, Profile


class TranscodeIn(Body):
    profiles: (
        Annotated[list[Profile], Field(min_length=1, max_length=len(PROFILES), json_schema_extra={"uniqueItems": True})]
        | None
    ) = Field(
        None,
        description="All that are no larger than the title, if none are named. Larger ones are left out; where none is"
        " left the job fails and says so",
    )
    hls: bool = Field(True, description="Whether HLS leads to them")
    dash: bool = Field(True, description="Whether DASH leads to them")
    thumbnails: bool = Field(False, description="Also make the pictures anew")

    @model_validator(mode="after")
    def _leads_somewhere(self) -> Self:
        if not (self.hls or self.dash):
            raise ValueError("one of hls and dash has to be true, or nothing leads to the renditions")
        if self.profiles and len(set(self.profiles)) < len(self.profiles):
            raise ValueError("a profile is named twice")
        return self


class TranscodeOut(BaseModel):
    jobs: list[JobOut]
