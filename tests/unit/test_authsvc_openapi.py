"""The document is an integrator's only manual: whole, valid, and the same as what the tables decide."""

import inspect
import re
from collections.abc import Iterator
from typing import Any

import jsonschema_rs
import pytest
from flask import Flask
from schemathesis.specs.openapi import definitions

from authsvc.api.protocol import access, conditional, idempotency
from catalog.contract import codes as problem_codes
from tests.unit.test_authsvc_access import app

__all__ = ["app"]  # a fixture

NOT_DESCRIBED = {"openapi.spec", "disclosed.close"}
REFERENCE = re.compile(r"#/components/(\w+)/([\w.-]+)")


@pytest.fixture(scope="module")
def document(app: Flask) -> dict[str, Any]:
    found = app.test_client().get("/api/openapi.json").get_json()
    assert isinstance(found, dict)
    return found


def operations(document: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """`get /path` and the operation."""
    for path, item in document["paths"].items():
        for method, operation in item.items():
            yield f"{method} {path}", operation


def references(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        for key, value in node.items():
            if key == "$ref":
                yield value
            yield from references(value)
    elif isinstance(node, list):
        for value in node:
            yield from references(value)


def test_the_document_is_valid_openapi_3_1(document: dict[str, Any]) -> None:
    validator = jsonschema_rs.validator_for(definitions.OPENAPI_31)
    assert [error.message for error in validator.iter_errors(document)] == []
    # The validator is able to fail.
    assert not validator.is_valid(document | {"paths": []})


def test_every_schema_is_valid_and_every_reference_leads_somewhere(document: dict[str, Any]) -> None:
    for name, schema in document["components"]["schemas"].items():
        jsonschema_rs.Draft202012Validator({**schema, "components": document["components"]})
        assert "." not in name, "a shape has one name"
    for reference in references(document):
        found = REFERENCE.fullmatch(reference)
        assert found, reference
        assert found[2] in document["components"][found[1]], reference


def test_every_endpoint_and_method_is_described_under_its_own_stable_name(app: Flask, document: dict[str, Any]) -> None:
    ids = [operation["operationId"] for _, operation in operations(document)]
    assert len(ids) == len(set(ids))
    served = {rule.endpoint for rule in app.url_map.iter_rules()} - NOT_DESCRIBED
    assert set(ids) == {endpoint.replace(".", "_") for endpoint in served}
    for rule in app.url_map.iter_rules():
        assert len((rule.methods or set()) - {"HEAD", "OPTIONS"}) == 1, f"{rule.endpoint}: one endpoint, one method"


def test_every_operation_has_summary_tag_and_sentences(document: dict[str, Any]) -> None:
    for name, operation in operations(document):
        assert re.fullmatch(r"[A-Z][^.]{2,60}", operation["summary"]), name
        assert len(operation["tags"]) == 1, name
        assert operation["description"].endswith("."), name
        for status, answer in operation["responses"].items():
            assert answer["description"].strip(), (name, status)


def test_every_operation_says_the_whole_of_what_its_view_says(app: Flask, document: dict[str, Any]) -> None:
    views = {endpoint.replace(".", "_"): view for endpoint, view in app.view_functions.items()}
    long = 0
    for name, operation in operations(document):
        said = inspect.getdoc(views[operation["operationId"]])
        assert said, name
        assert operation["description"] == " ".join(said.split()), name
        assert re.match(r"[A-Z0-9]", operation["description"]), name
        long += "\n" in said
    assert long > 2, "no view says more than a line"


def test_every_tag_is_named_once_and_used(document: dict[str, Any]) -> None:
    named = [tag["name"] for tag in document["tags"]]
    assert len(named) == len(set(named))
    assert set(named) == {tag for _, operation in operations(document) for tag in operation["tags"]}


def test_security_is_what_the_table_of_roles_says(document: dict[str, Any]) -> None:
    named = {endpoint.replace(".", "_"): who for endpoint, who in access.WHO_MAY.items()}
    for name, operation in operations(document):
        who = named[operation["operationId"]]
        if who is access.ANYONE:
            assert operation["security"] == [], name
        else:
            assert operation["security"] == [{"bearer": []}, {"cookie": []}], name
            assert operation["x-roles"] == sorted(who), name
            assert {"401", "403"} <= operation["responses"].keys(), name


def test_every_operation_names_the_refusals_of_the_machinery_around_it(document: dict[str, Any]) -> None:
    for name, operation in operations(document):
        answers = operation["responses"].keys()
        places = {parameter["in"] for parameter in operation.get("parameters", [])}
        if " /api/" in name:
            assert {"429", "503"} <= answers, name
        if "requestBody" in operation:
            assert {"400", "413", "415", "422"} <= answers, name
        if "path" in places:
            assert "404" in answers, name
        if "query" in places:
            assert "422" in answers, name
        assert any(status.startswith(("2", "3")) for status in answers), name


def test_every_error_is_a_problem_with_an_example_that_is_one(document: dict[str, Any]) -> None:
    shape = jsonschema_rs.Draft202012Validator(
        {"$ref": "#/components/schemas/ProblemOut", "components": document["components"]}
    )
    assert not shape.is_valid({"status": 404})
    for name, operation in operations(document):
        for status, answer in operation["responses"].items():
            assert "X-Request-Id" in answer["headers"] or int(status) < 400, name
            if int(status) < 400:
                continue
            assert answer["content"].keys() == {"application/problem+json"}, (name, status)
            example = answer["content"]["application/problem+json"]["example"]
            assert shape.is_valid(example), (name, status)
            assert (example["status"], example["type"]) == (int(status), f"/api/docs#problem-{example['code']}")
            if status in {"429", "503"}:
                assert "Retry-After" in answer["headers"], (name, status)
            if status == "401":
                assert "WWW-Authenticate" in answer["headers"], (name, status)


def test_the_document_lists_every_problem(document: dict[str, Any]) -> None:
    assert document["x-problems"].keys() == problem_codes.CODES.keys()
    code = document["components"]["schemas"]["ProblemOut"]["properties"]["code"]
    assert set(code["enum"]) == set(problem_codes.CODES)


def test_headers_that_a_view_reads_are_described(app: Flask, document: dict[str, Any]) -> None:
    views = {endpoint.replace(".", "_"): view for endpoint, view in app.view_functions.items()}
    for name, operation in operations(document):
        view = views[operation["operationId"]]
        headers = {parameter["name"] for parameter in operation.get("parameters", []) if parameter["in"] == "header"}
        content = operation["responses"].get("200", {}).get("content", {})
        json_read = name.startswith("get") and "application/json" in content
        assert ("Idempotency-Key" in headers) == idempotency.is_repeatable(view), name
        assert ("If-Match" in headers) == conditional.compares(view), name
        assert ("If-None-Match" in headers) == json_read, name


def test_ids_in_paths_have_their_form(document: dict[str, Any]) -> None:
    for name, operation in operations(document):
        for parameter in operation.get("parameters", []):
            if parameter["in"] == "path":
                assert parameter["schema"]["pattern"].startswith("^"), name
                assert parameter["required"], name
