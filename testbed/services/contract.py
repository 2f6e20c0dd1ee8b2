"""Holds every answer that the tests of the interface see against the interface's own document."""

from typing import Any, ClassVar, Self

import jsonschema_rs
from apiflask import APIFlask
from flask import Response, request

# A fault that a test injects is no promise of the document.
NOT_PROMISED = {500}
# Nor what a body gets that the call has none of.
OF_BODIES = {400, 413, 415}


class Document:
    """What the interface says of itself. Every application of it says the same: it is made once a process."""

    _made: ClassVar[Self | None] = None

    def __init__(self, spec: dict[str, Any]) -> None:
        self.operations: dict[str, dict[str, Any]] = {
            operation["operationId"]: operation
            for path in spec["paths"].values()
            for operation in path.values()
            if isinstance(operation, dict)
        }
        self._components = spec["components"]
        self._shapes: dict[str, Any] = {}

    @classmethod
    def of(cls, app: APIFlask) -> Self:
        if cls._made is None:
            assert isinstance(app.spec, dict)
            cls._made = cls(app.spec)
        return cls._made

    def shape(self, reference: str) -> Any:
        """The validator of a schema by its reference, such as `#/components/schemas/Video`."""
        if reference not in self._shapes:
            self._shapes[reference] = jsonschema_rs.Draft202012Validator(
                {"$ref": reference, "components": self._components}
            )
        return self._shapes[reference]


class Contract:
    """Each answer of an application that the document does not say."""

    def __init__(self, app: APIFlask) -> None:
        self.app = app
        self.broken: list[str] = []
        app.after_request(self.compare)

    def compare(self, response: Response) -> Response:
        """After a request: note what the document does not say."""
        known = Document.of(self.app).operations.get((request.endpoint or "").replace(".", "_"))
        if known is not None and request.method != "OPTIONS" and response.status_code not in NOT_PROMISED:
            self.broken += [
                f"{request.method} {request.path} -> {response.status_code}: {wrong}"
                for wrong in self._wrong(known, response)
            ]
        return response

    def _wrong(self, operation: dict[str, Any], response: Response) -> list[str]:
        said = operation["responses"].get(str(response.status_code))
        if said is None:
            if response.status_code in OF_BODIES and "requestBody" not in operation:
                return []
            return [f"declare the status ({response.get_data(as_text=True)[:200]})"]
        content = said.get("content", {})
        if response.is_streamed or request.method == "HEAD" or not response.get_data():
            return []
        if response.mimetype not in content:
            return [f"{response.mimetype} is not among {sorted(content)}"]
        reference = content[response.mimetype].get("schema", {}).get("$ref")
        if reference is None:
            return []
        return [str(error.message) for error in Document.of(self.app).shape(reference).iter_errors(response.get_json())]
