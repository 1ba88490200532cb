"""The description says what the application does: every operation, asked in every way that schemathesis finds."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from typing import Any

import pytest
import schemathesis
from flask import Flask
from flask.testing import FlaskClient
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from jsonschema import Draft202012Validator
from schemathesis import checks

from reconciler.db.joining import create_join_token
from reconciler.settings import Settings
from tests.unit.api.conftest import full_key
from tests.unit.pages.sample_project import CATALOGUE, NOW, commit_sha, digest, fill
from web.api import asked
from web.api.openapi import describe, operations
from web.app import create_app

CHECKED = (
    checks.not_a_server_error,
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_schema_conformance,
    checks.response_headers_conformance,
)
REAL = {
    "project": "shop", "organization": "acme", "sha": commit_sha(13), "name": "production", "rollout": "r-0006",
    "digest": digest(9), "identifier": "x", "kind": "upstream", "other": digest(10), "number": 1,
    "policy": "environment",
}  # fmt: skip


def test_every_schema_is_one_and_every_reference_leads_somewhere(app: Flask) -> None:
    document = describe(app)
    assert document["openapi"] == "3.1.0"
    schemas = document["components"]["schemas"]
    for schema in schemas.values():
        Draft202012Validator.check_schema(schema)
    references = set(re.findall(r'"#/components/schemas/(\w+)"', json.dumps(document)))
    assert references <= set(schemas)
    assert set(schemas) - references == set()
    operations = [operation for methods in document["paths"].values() for operation in methods.values()]
    assert len({operation["operationId"] for operation in operations}) == len(operations)
    assert all(operation["summary"].endswith(".") for operation in operations)


def test_every_route_of_the_interface_is_described(app: Flask) -> None:
    here = {rule.endpoint for rule, _ in operations(app)}
    served = {rule.endpoint for rule in app.url_map.iter_rules() if rule.rule.startswith("/api/v1/")}
    assert served - here == {"openapi.document", "openapi.reference"}


def test_schemathesis_finds_nothing(database: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    # No worker makes the changes that it asks for.
    monkeypatch.setattr(asked, "WAIT_SECONDS", 0.0)
    fill()
    app = create_app(replace(database), catalogue=CATALOGUE, now=lambda: NOW)
    token = full_key()
    app.extensions["sentinel.per_minute"] = {
        verb: type(item)(10**9) for verb, item in app.extensions["sentinel.per_minute"].items()
    }
    schema = schemathesis.openapi.from_wsgi("/api/v1/openapi.json", app)
    requests, statuses = 0, set[int]()
    for result in schema.get_all_operations():
        operation = result.ok()

        @hypothesis_settings(max_examples=10, deadline=None, suppress_health_check=list(HealthCheck))
        @given(case=operation.as_strategy())
        def ask(case: Any) -> None:
            nonlocal requests
            # Half of the names are real, or the answer would be 404 each time.
            for name, value in list((case.path_parameters or {}).items()):
                if len(str(value)) % 2 or name in ("project", "organization"):
                    case.path_parameters[name] = REAL.get(name, value)
            response = case.call(headers={"Authorization": f"Bearer {token}"})
            case.validate_response(response, checks=CHECKED)
            requests += 1
            statuses.add(response.status_code)

        ask()
    assert requests > 300
    assert {200, 400, 404} <= statuses


def test_real_names_answer(client: FlaskClient) -> None:
    create_join_token("acme", "shop", "production", now=NOW)
    for rule, operation in operations(client.application):
        if (
            "GET" not in (rule.methods or ())
            or rule.endpoint.startswith(("files.", "bundles."))
            or operation.media[-4:] != "json"
        ):
            continue
        with client.application.test_request_context():
            adapter = client.application.url_map.bind("localhost")
            values = {name: REAL[name] for name in rule.arguments}
            path = adapter.build(rule.endpoint, values)
        answer = client.get(path)
        last = rule.rule.endswith(("/<name>", "/<identifier>"))
        absent = last and "environments" not in rule.rule
        right = 404 if absent else 200
        assert (path, answer.status_code) == (path, right)


def test_answers_that_are_the_same_cost_nothing(client: FlaskClient) -> None:
    path = "/api/v1/projects/shop/rollouts"
    first = client.get(path)
    assert first.headers["Cache-Control"] == "private, no-cache"
    again = client.get(path, headers={"If-None-Match": first.headers["ETag"]})
    assert (again.status_code, again.data) == (304, b"")
    other = client.get(f"{path}?limit=1", headers={"If-None-Match": first.headers["ETag"]})
    assert other.status_code == 200


def test_a_mistyped_filter_is_refused(client: FlaskClient) -> None:
    for query, words in (
        ("enviroment=dev", "There is no parameter 'enviroment' here"),
        ("limit=1&limit=2", "stands twice"),
        ("fragment=x", "no parameter"),
    ):
        answer = client.get(f"/api/v1/projects/shop/rollouts?{query}")
        assert answer.status_code == 400
        assert answer.json["code"] == "E-API-002"
        assert words in answer.json["detail"]
    assert "Known are: none" in client.get("/api/v1/projects/shop/environments?limit=1").json["detail"]


def test_one_request_too_many_is_told_when_to_come_again(app: Flask, client: FlaskClient) -> None:
    item = app.extensions["sentinel.per_minute"]["read"]
    app.extensions["sentinel.per_minute"]["read"] = type(item)(3)
    path = "/api/v1/projects/shop/bundles"
    answers = [client.get(path) for _ in range(4)]
    assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
    assert [answer.headers["RateLimit-Remaining"] for answer in answers] == ["2", "1", "0", "0"]
    assert answers[0].headers["RateLimit-Limit"] == "3"
    assert answers[3].json["code"] == "E-API-003"
    assert 1 <= int(answers[3].headers["Retry-After"]) <= 120
    # Another kind of action has a measure of its own, and so has another caller.
    assert client.get("/api/v1/projects/shop/nodes").status_code == 200


def test_projects_say_where_to_begin(client: FlaskClient) -> None:
    [project] = client.get("/api/v1/projects").json["items"]
    assert (project["slug"], project["role"]) == ("shop", "admin")


def test_the_reference_page_names_every_operation(client: FlaskClient) -> None:
    page = client.get("/api/v1/reference")
    assert page.status_code == 200
    for rule, _ in operations(client.application):
        assert f'id="{rule.endpoint.replace(".", "_")}"' in page.text
    assert "http://" not in page.text.replace("http://localhost", "").replace("http://www.w3.org", "")


def test_nul_is_nobodys_name(client: FlaskClient) -> None:
    for path in (
        "/api/v1/projects/shop/commits/%00",
        "/api/v1/projects/shop/rollouts?state=a%00",
        "/o/%00/p/x/",
    ):
        assert client.get(path).status_code == 400
