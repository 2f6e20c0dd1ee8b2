"""What several topics share."""

from typing import Annotated, Any, Final

from pydantic import AfterValidator, AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field, field_validator

from catalog.contract import forms
from catalog.contract.codes import CODES
from catalog.text import has_something_to_see, is_clean


def _storable(text: str) -> str:
    """What PostgreSQL's text and UTF-8 can hold: no NUL, and no half of a surrogate pair (JSON can write both)."""
    if any(character == "\0" or "\ud800" <= character <= "\udfff" for character in text):
        raise ValueError("contains a character that is not text")
    return text


def _shown(text: str) -> str:
    if not is_clean(text):
        raise ValueError("contains control characters, or some that turn the direction of the text")
    return text


def _line(text: str) -> str:
    text = _shown(text).strip()
    if not has_something_to_see(text):
        raise ValueError("has nothing to see in it")
    return text


def _page(text: str) -> str:
    for line in text.replace("\t", " ").splitlines():
        _shown(line)
    return text


def _written_out(value: Any) -> Any:
    """A time in a query is RFC 3339; pydantic would read a bare number as seconds since 1970."""
    if isinstance(value, str) and "T" not in value.upper():
        raise ValueError("is not a time like 2026-01-31T12:00:00Z")
    return value


EXAMPLE_ID: Final = "0123456789abcdef0123456789abcdef"

Text = Annotated[str, AfterValidator(_storable)]
Moment = Annotated[AwareDatetime, BeforeValidator(_written_out)]
Id = Annotated[str, Field(pattern=f"^{forms.ID}$", description="32 lowercase hex digits", examples=[EXAMPLE_ID])]
Qr = Annotated[str, Field(description="The same as a QR code: an SVG document", examples=["<svg/>"])]
# Trimmed before it is stored.
Line = Annotated[Text, AfterValidator(_line)]
Page = Annotated[Text, AfterValidator(_page)]
Device = Annotated[
    Text, AfterValidator(_shown), Field(max_length=200, description="A name that people recognise the device by")
]


class Body(BaseModel):
    """A request's body: a field of the wrong type is an error and never converted, and so is one that is not known."""

    model_config = ConfigDict(strict=True, extra="forbid")

    @field_validator("*", mode="before")
    @classmethod
    def _whole_numbers(cls, value: Any) -> Any:
        """JSON knows one kind of number: 1.0 is an integer (JSON Schema, 6.1.1)."""
        return int(value) if isinstance(value, float) and value.is_integer() else value


class PersonOut(BaseModel):
    id: Id
    username: str


class TitleOut(BaseModel):
    id: Id
    title: str


class ProblemOut(BaseModel):
    """An error (RFC 9457). Some codes bring more: `errors` by field, `running` playbacks."""

    model_config = ConfigDict(extra="allow")

    type: str = Field(description="Where the code is described")
    title: str = Field(description="The status in words")
    status: int
    detail: str = Field(description="A sentence for people; it may change")
    code: str = Field(description="What a program goes by", json_schema_extra={"enum": [*sorted(CODES)]})
    request_id: str
    errors: dict[str, Any] | None = Field(None, description="With `invalid`: what is wrong with each field")
