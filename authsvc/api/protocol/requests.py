"""Requests as this interface takes them: JSON of the standard's kind only, and an empty body as an empty object."""

import json
from typing import Any, Final

from flask import Request
from flask.json.provider import DefaultJSONProvider
from pydantic_core import PydanticSerializationError, to_json

from authsvc.api.protocol.problems import Problem

# Objects and lists inside each other. No body here comes near it; how many Python itself bears differs by its version.
DEEPEST: Final = 32


class StrictJSON(DefaultJSONProvider):
    """JSON by RFC 8259: no NaN or Infinity; nested too deeply is malformed, not a fault (section 9 allows a limit)."""

    def dumps(self, obj: Any, **kwargs: Any) -> str:
        """Written by pydantic, in a fifth of the time that Python's own writer takes for a list of titles."""
        if kwargs.keys() <= {"separators"}:
            try:
                return to_json(obj, fallback=self.default).decode()
            except (PydanticSerializationError, UnicodeEncodeError):
                # Half a pair of surrogates, which only an escape can say.
                pass
        return super().dumps(obj, **kwargs)

    def loads(self, s: str | bytes, **kwargs: Any) -> Any:
        try:
            value = json.loads(s, parse_constant=_refuse, **kwargs)
        except RecursionError as error:
            raise ValueError("nested too deeply") from error
        _refuse_depth(value)
        return value


class JSONRequest(Request):
    """A request whose missing body reads as {}: most bodies here are optional."""

    def get_json(self, force: bool = False, silent: bool = False, cache: bool = True) -> Any:
        if not self.get_data(cache=True):
            return {}
        value = super().get_json(force=force, silent=silent, cache=cache)
        if value is None:
            # APIFlask would read the body `null` as an empty object, and a change of nothing would succeed.
            raise Problem(
                422, "Fields are missing, unknown or of the wrong kind.", errors={"_schema": ["is not an object"]}
            )
        return value


def _refuse_depth(value: Any) -> None:
    """Level by level, since recursion is what a deep body is after."""
    level = [value]
    for _ in range(DEEPEST + 1):
        level = [
            inner
            for outer in level if isinstance(outer, dict | list)
            for inner in (outer.values() if isinstance(outer, dict) else outer)
        ]  # fmt: skip
        if not level:
            return
    raise ValueError("nested too deeply")


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is not JSON")
