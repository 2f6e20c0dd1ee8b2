"""What the machinery around a view adds to its description: refusals, headers, and the headers that it reads."""

from collections.abc import Callable
from typing import Any, Final

from werkzeug.routing import Rule

from authsvc.api.protocol import conditional, costs, idempotency, limits, problems
from authsvc.api.schemas import common as schemas
from catalog.contract import codes as problem_codes

_TEXT: Final = {"type": "string"}
_SECONDS: Final = {"type": "integer", "minimum": 0}

HEADERS: Final[dict[str, Any]] = {
    "XRequestId": {"description": "Names this request in the logs", "schema": _TEXT},
    "RateLimit": {
        "description": "The quota's class, calls left, and seconds until it is whole again",
        "schema": _TEXT,
        "example": '"general";r=2999;t=1',
    },
    "RateLimitPolicy": {
        "description": "The quota's class, calls, and its window in seconds",
        "schema": _TEXT,
        "example": '"general";q=3000;w=60',
    },
    "ETag": {"description": "For If-None-Match and If-Match; strong", "schema": _TEXT},
    "CacheControl": {"description": "What may be kept, by whom", "schema": _TEXT},
    "RetryAfter": {"description": "Seconds", "schema": _SECONDS},
    "WWWAuthenticate": {"description": "The way to sign in (RFC 6750)", "schema": _TEXT},
    "IdempotencyReplayed": {"description": "`true`: this is the answer of the first call", "schema": _TEXT},
}
_ON_EVERY_ANSWER: Final = {"X-Request-Id": "XRequestId"}
_ON_COUNTED_ANSWERS: Final = {"RateLimit": "RateLimit", "RateLimit-Policy": "RateLimitPolicy"}
_BY_STATUS: Final = {
    401: {"WWW-Authenticate": "WWWAuthenticate"},
    429: {"Retry-After": "RetryAfter"},
    503: {"Retry-After": "RetryAfter"},
}
_IF_NONE_MATCH: Final = {
    "name": "If-None-Match", "in": "header", "schema": _TEXT, "description": "304 when the answer has this tag still",
}  # fmt: skip
_IF_MATCH: Final = {
    "name": "If-Match", "in": "header", "schema": _TEXT, "description": "412 when it is another one by now",
}  # fmt: skip
_REPEAT_KEY: Final = {
    "name": idempotency.HEADER,
    "in": "header",
    "schema": {"type": "string", "pattern": '^(|"[0-9A-Za-z._:-]{16,128}"|[0-9A-Za-z._:-]{16,128})$'},
    "description": "Of your choice, such as a UUID; a repeat with it gets the first answer again, for a day",
}


def complete(operation: dict[str, Any], rule: Rule, method: str, view: Callable[..., Any], *, anyone: bool) -> None:
    """Add to an operation what holds for it because of where it stands."""
    parameters, answers = operation.setdefault("parameters", []), operation["responses"]
    if not any(int(status) < 400 for status in answers):
        answers["200"] = {"description": "", "content": {"application/json": {"schema": {"type": "object"}}}}
    counted = limits.is_counted(rule.rule)
    if counted:
        operation["x-cost"] = costs.of(rule.endpoint, {})
        if rule.endpoint in costs.LISTS:
            operation["x-entries-a-call"] = costs.ENTRIES_A_CALL
    for status in _refusals(operation, rule, view, anyone=anyone, counted=counted):
        answers.setdefault(str(status), {"description": ""})
    if method == "get" and "application/json" in answers.get("200", {}).get("content", {}):
        parameters.append(_IF_NONE_MATCH)
        answers["304"] = {"description": "Not changed since the answer with that ETag"}
        answers.setdefault("412", {"description": "If-Match names another answer"})
        answers["200"].setdefault("headers", {})["ETag"] = _header("ETag")
        answers["200"]["headers"]["Cache-Control"] = _header("CacheControl")
    if conditional.compares(view):
        parameters.append(_IF_MATCH)
    if idempotency.is_repeatable(view):
        parameters.append(_REPEAT_KEY)
        for status in answers:
            if int(status) < 400:
                answers[status].setdefault("headers", {})["Idempotency-Replayed"] = _header("IdempotencyReplayed")
    for status, answer in sorted(answers.items()):
        _complete_answer(int(status), answer, counted=counted)
    operation["responses"] = dict(sorted(answers.items()))
    if not parameters:
        del operation["parameters"]


def _refusals(
    operation: dict[str, Any], rule: Rule, view: Callable[..., Any], *, anyone: bool, counted: bool
) -> set[int]:
    """Statuses that the view does not declare, because they are not its own."""
    statuses = {503}
    if counted:
        statuses |= {429}
    if not anyone:
        # 403 also for the cookie of another site's page, and for a device's token.
        statuses |= {401, 403}
    if any(parameter["in"] == "path" for parameter in operation["parameters"]):
        statuses |= {404}
    if any(parameter["in"] == "query" for parameter in operation["parameters"]):
        # 400: longer than a line of a request may be, which Nginx says.
        statuses |= {400, 422}
    if "requestBody" in operation:
        statuses |= {400, 413, 415, 422}
    if conditional.compares(view):
        statuses |= {412}
    if idempotency.is_repeatable(view):
        statuses |= {400, 409, 422}
    # That one asks nobody.
    return statuses - {503} if rule.endpoint == "health.health" else statuses


def _complete_answer(status: int, answer: dict[str, Any], *, counted: bool) -> None:
    answer["description"] = answer.get("description") or _sentence(status)
    headers = _ON_EVERY_ANSWER | (_ON_COUNTED_ANSWERS if counted else {}) | _BY_STATUS.get(status, {})
    answer["headers"] = answer.get("headers", {}) | {name: _header(key) for name, key in headers.items()}
    if status >= 400:
        answer["content"] = {
            problems.MEDIA_TYPE: {
                "schema": {"$ref": "#/components/schemas/ProblemOut"},
                "example": _example(status),
            }
        }


def _sentence(status: int) -> str:
    if status in problem_codes.OF_STATUS:
        return problem_codes.CODES[problem_codes.OF_STATUS[status]].meaning
    return problem_codes.phrase(status)


def _example(status: int) -> dict[str, Any]:
    code = problem_codes.OF_STATUS[status]
    return {
        "type": problem_codes.TYPE_PREFIX + code,
        "title": problem_codes.phrase(status),
        "status": status,
        "detail": problem_codes.CODES[code].meaning,
        "code": code,
        "request_id": schemas.EXAMPLE_ID,
    }


def _header(name: str) -> dict[str, str]:
    return {"$ref": f"#/components/headers/{name}"}
