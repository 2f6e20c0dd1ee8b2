"""The OpenAPI document: made from the views' declarations, with what the tables and the machinery around them add.

A view declares its input, its output and the refusals that are its own. What every view has in common is added here
from where it is decided: who may call (access.py), problems (problem_codes.py), quotas, conditional requests and keys
of repeats. So nothing is said twice, and a new endpoint has all of it.
"""

import inspect
import json
from collections.abc import Callable
from typing import Any, Final

from apiflask import APIFlask
from werkzeug.routing import Rule

from authsvc.api.protocol import access, operations
from authsvc.api.schemas import common as schemas
from authsvc.sessions import credentials
from catalog.contract import codes as problem_codes
from catalog.contract import forms

_METHODS: Final = frozenset(["get", "post", "put", "patch", "delete"])
_ABOUT: Final = """
The whole of Kinetoscope but the bytes of films: those leave through the doors that `files` and `links` name. Every
error is a problem (RFC 9457) with a stable `code`. Programs send the access token as Bearer; browsers have it in a
cookie, and then only this site's own pages may change anything. Times are RFC 3339 in UTC, durations are seconds,
sizes are bytes. Lists go on with `next_cursor`.
"""


def describe(app: APIFlask) -> None:
    """Have the document say who may call what, what each call can answer, and what an error looks like."""
    app.config.update(
        OPENAPI_VERSION="3.1.0",
        AUTO_404_RESPONSE=False,
        DESCRIPTION=" ".join(_ABOUT.split()),
        LICENSE={"name": "MIT", "identifier": "MIT"},
        SERVERS=[{"url": "/", "description": "This box"}],
    )
    app.security_schemes = {
        "bearer": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"},
        "cookie": {"type": "apiKey", "in": "cookie", "name": credentials.ACCESS_COOKIE},
    }

    @app.spec_processor
    def complete(spec: dict[Any, Any] | str) -> dict[Any, Any] | str:
        assert isinstance(spec, dict)  # noqa: S101  # text would be YAML
        document = _with_short_names(spec)
        for rule in app.url_map.iter_rules():
            for method, operation in document["paths"].get(_template(rule.rule), {}).items():
                if method in _METHODS and method.upper() in (rule.methods or ()):
                    _complete(operation, rule, method, app.view_functions[rule.endpoint], document)
        # One for each blueprint, and several topics have more than one of those.
        document["tags"] = list({tag["name"]: tag for tag in document["tags"]}.values())
        components = document["components"]
        # APIFlask's own error shapes, which nothing here has.
        for unused in ("HTTPError", "ValidationError"):
            components["schemas"].pop(unused, None)
        components["schemas"]["ProblemOut"] = schemas.ProblemOut.model_json_schema()
        components["headers"] = operations.HEADERS
        document["x-problems"] = {name: code._asdict() for name, code in problem_codes.CODES.items()}
        return document


def _complete(
    operation: dict[str, Any], rule: Rule, method: str, view: Callable[..., Any], document: dict[str, Any]
) -> None:
    # The name in access.py never changes once it is there; programs that are made from the document go by this.
    operation["operationId"] = rule.endpoint.replace(".", "_")
    # APIFlask takes what stands below the first line, which cuts a sentence that goes on there.
    operation["description"] = " ".join((inspect.getdoc(view) or "").split())
    who = access.WHO_MAY.get(rule.endpoint, frozenset())
    if who is not access.ANYONE:
        operation["security"] = [{"bearer": []}, {"cookie": []}]
        operation["x-roles"] = sorted(who)
    else:
        operation["security"] = []
    for parameter in operation.get("parameters", []):
        if parameter["in"] == "path":
            _complete_path_parameter(parameter, rule)
    body = operation.get("requestBody")
    if body is not None:
        body["required"] = _has_required_fields(body, document)
    operations.complete(operation, rule, method, view, anyone=who is access.ANYONE)


def _complete_path_parameter(parameter: dict[str, Any], rule: Rule) -> None:
    converter = rule._converters[parameter["name"]]
    parameter["schema"] = {"type": "string", "pattern": f"^{converter.regex}$"}
    if converter.regex == forms.ID:
        parameter["description"] = "32 lowercase hex digits"
        parameter["example"] = schemas.EXAMPLE_ID


def _has_required_fields(body: dict[str, Any], document: dict[str, Any]) -> bool:
    """A body without required fields may be left out: it reads as {}."""
    schema = body["content"]["application/json"]["schema"]
    name = schema.get("$ref", "").rpartition("/")[2]
    return bool(document["components"]["schemas"].get(name, schema).get("required"))


def _with_short_names(spec: dict[str, Any]) -> dict[str, Any]:
    """APIFlask names a shape within another `Outer.Inner`; one name for each shape is what a program expects."""
    described: dict[str, Any] = spec["components"]["schemas"]
    text = json.dumps(spec)
    for name in described:
        text = text.replace(f'"#/components/schemas/{name}"', f'"#/components/schemas/{_short(name)}"')
    document: dict[str, Any] = json.loads(text)
    short: dict[str, Any] = {}
    for name, shape in document["components"]["schemas"].items():
        if short.setdefault(_short(name), shape) != shape:
            raise ValueError(f"two shapes have the name {_short(name)}")
    document["components"]["schemas"] = short
    return document


def _short(name: str) -> str:
    return name.rpartition(".")[2]


def _template(rule: str) -> str:
    """Flask's `/a/<id:b>.m3u` as OpenAPI's `/a/{b}.m3u`."""
    parts = []
    for part in rule.split("<"):
        argument, closed, rest = part.partition(">")
        parts.append("{" + argument.rpartition(":")[2] + "}" + rest if closed else part)
    return "".join(parts)
