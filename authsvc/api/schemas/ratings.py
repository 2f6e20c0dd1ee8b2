"""Ratings."""

from typing import Annotated

from pydantic import BaseModel, Field

from authsvc.api.schemas.common import Body


class RatingIn(Body):
    rating: Annotated[int, Field(ge=1, le=5)]


class RatingOut(BaseModel):
    rating_average: float | None
    rating_count: int
    my_rating: int | None
