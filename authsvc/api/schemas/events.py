"""What changes."""

from typing import Annotated, Final

from pydantic import BaseModel, Field

LONGEST_NUMBER: Final = 18


class EventsIn(BaseModel):
    after: Annotated[int, Field(ge=0, lt=10**LONGEST_NUMBER)] | None = Field(
        default=None, description="The last `id` of an earlier stream; Last-Event-ID goes before it"
    )
