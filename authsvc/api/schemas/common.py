"""What several topics share."""

from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field


def _storable(text: str) -> str:
    """What PostgreSQL's text and UTF-8 can hold: no NUL, and no half of a surrogate pair (JSON can write both)."""
    if any(character == "\0" or "\ud800" <= character <= "\udfff" for character in text):
        raise ValueError("contains a character that is not text")
    return text


Text = Annotated[str, AfterValidator(_storable)]
Id = Annotated[str, Field(pattern=r"^[0-9a-f]{32}$", description="32 lowercase hex digits")]
Device = Annotated[Text, Field(max_length=200, description="A name that people recognise the device by")]


class Body(BaseModel):
    """A request's body: a field of the wrong type is an error and never converted; unknown fields are ignored."""

    model_config = ConfigDict(strict=True)


class PersonOut(BaseModel):
    id: Id
    username: str


class TitleOut(BaseModel):
    id: Id
    title: str


class ProblemOut(BaseModel):
    type: str
    title: str
    status: int
    detail: str
    code: str
    request_id: str
