"""The OpenAPI document: made from the views' declarations, with what the tables and the error shape add."""

from typing import Any

from apiflask import APIFlask

from authsvc import access, credentials, problems
from authsvc.api.schemas import common as schemas

_METHODS = ("get", "post", "put", "patch", "delete")


def describe(app: APIFlask) -> None:
    """Have the document say who may call what, and what an error looks like."""
    app.config.update(OPENAPI_VERSION="3.1.0", AUTO_404_RESPONSE=False)
    app.security_schemes = {
        "bearer": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"},
        "cookie": {"type": "apiKey", "in": "cookie", "name": credentials.ACCESS_COOKIE},
    }

    @app.spec_processor
    def complete(spec: dict[Any, Any] | str) -> dict[Any, Any] | str:
        assert isinstance(spec, dict)  # noqa: S101  # text would be YAML
        for operation in _operations(spec):
            for status, answer in operation["responses"].items():
                if int(status) >= 400:
                    answer["content"] = {problems.MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/ProblemOut"}}}
        for rule in app.url_map.iter_rules():
            who = access.WHO_MAY.get(rule.endpoint)
            if who is None or who is access.ANYONE:
                continue
            for method, operation in spec["paths"].get(_template(rule.rule), {}).items():
                if method.upper() in (rule.methods or ()):
                    operation["security"] = [{"bearer": []}, {"cookie": []}]
                    operation["x-roles"] = sorted(who)
        # APIFlask's own error shapes, which nothing here has.
        described = spec["components"]["schemas"]
        for unused in ("HTTPError", "ValidationError"):
            described.pop(unused, None)
        described["ProblemOut"] = schemas.ProblemOut.model_json_schema()
        return spec


def _operations(spec: dict[str, Any]) -> list[dict[str, Any]]:
    return [operation for path in spec["paths"].values() for method, operation in path.items() if method in _METHODS]


def _template(rule: str) -> str:
    """Flask's `/a/<id:b>` as OpenAPI's `/a/{b}`."""
    parts = ("{" + part[1:-1].rpartition(":")[2] + "}" if part.startswith("<") else part for part in rule.split("/"))
    return "/".join(parts)
