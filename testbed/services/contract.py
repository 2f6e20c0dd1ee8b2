"""Holds every answer that the tests of the interface see against the interface's own document."""

import functools
from typing import Any

import jsonschema_rs
from apiflask import APIFlask
from flask import Response, request

# A fault that a test injects is no promise of the document.
NOT_PROMISED = {500}
# Nor what a body gets that the call has none of.
OF_BODIES = {400, 413, 415}


class Contract:
    """What the document says, and each answer that it does not."""

    def __init__(self, app: APIFlask) -> None:
        self.app = app
        self.broken: list[str] = []
        app.after_request(self.compare)

    @functools.cached_property
    def document(self) -> dict[str, Any]:
        document = self.app.spec
        assert isinstance(document, dict)
        return document

    @functools.cached_property
    def operations(self) -> dict[str, dict[str, Any]]:
        """By endpoint."""
        return {
            operation["operationId"]: operation
            for path in self.document["paths"].values()
            for operation in path.values()
            if isinstance(operation, dict)
        }

    @functools.cached_property
    def shapes(self) -> dict[str, Any]:
        """Validators by the reference of their schema."""
        return {
            f"#/components/schemas/{name}": jsonschema_rs.Draft202012Validator(
                {"$ref": f"#/components/schemas/{name}", "components": self.document["components"]}
            )
            for name in self.document["components"]["schemas"]
        }

    def compare(self, response: Response) -> Response:
        """After a request: note what the document does not say."""
        known = self.operations.get((request.endpoint or "").replace(".", "_"))
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
        shape = self.shapes.get(content[response.mimetype].get("schema", {}).get("$ref", ""))
        return [str(error.message) for error in shape.iter_errors(response.get_json())] if shape else []
