"""Every route of the application, asked by everybody there is: nobody gets further than the table says."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from flask import Flask, Response

from reconciler.db.accounts import person_of, set_disabled
from reconciler.db.api_keys import SCOPES
from reconciler.settings import Settings
from tests.unit.auth.people import (
    NOW,
    ROLE_IN_ACME,
    ROLE_IN_SHOP,
    bearer,
    form_token,
    key_of,
    make_app,
    signed_in,
)

READER, OPERATOR, ADMIN = "reader", "operator", "admin"
EVERYBODY, SIGNED_IN = "everybody", "signed in"

FORMS_FOR_EVERYBODY = ("session.enter", "session.show_factor")

PAGE = (READER, None)
"""Pages are for people: no scope lets a key see them."""

ROUTES: dict[str, tuple[str, str | None]] = {
    "static": (EVERYBODY, None),
    "health.health": (EVERYBODY, None),
    "health.ready": (EVERYBODY, None),
    "session.form": (EVERYBODY, None),
    "session.enter": (EVERYBODY, None),
    "session.begin": (EVERYBODY, None),
    "session.back": (EVERYBODY, None),
    "session.factor_form": (EVERYBODY, None),
    "session.show_factor": (EVERYBODY, None),
    "session.leave": (SIGNED_IN, None),
    "account.index": (SIGNED_IN, None),
    "account.end": (SIGNED_IN, None),
    "account.end_others": (SIGNED_IN, None),
    "account.password": (SIGNED_IN, None),
    "account.make_key": (SIGNED_IN, None),
    "account.revoke_key": (SIGNED_IN, None),
    "installation.index": PAGE,
    "project.index": PAGE,
    "project.commit": PAGE,
    "project.environment": PAGE,
    "project.rollout": PAGE,
    "project.certificates": PAGE,
    "project.bundle": PAGE,
    "fleet.nodes": PAGE,
    "fleet.node": PAGE,
    "fleet.events": PAGE,
    "fleet.webhooks": PAGE,
    "configuration.services": PAGE,
    "configuration.waf_policies": PAGE,
    "configuration.secret_ages": PAGE,
    "release.waiting": PAGE,
    "release.calendar": PAGE,
    "release.drift": PAGE,
    "release.rollouts": PAGE,
    "release.bundles": PAGE,
    "pulls.index": PAGE,
    "pulls.pull": PAGE,
    "live.stream": PAGE,
    "metrics.metrics": (READER, "metrics:read"),
    "keys.listed": (READER, "api_keys:admin"),
    "keys.create": (READER, "api_keys:admin"),
    "keys.one": (READER, "api_keys:admin"),
    "keys.revoke": (READER, "api_keys:admin"),
    "audit.of_organization": (OPERATOR, "audit:read"),
    "audit.of_project": (OPERATOR, "audit:read"),
    "audit_pages.of_organization": (OPERATOR, "audit:read"),
    "audit_pages.of_project": (OPERATOR, "audit:read"),
    "openapi.document": (EVERYBODY, None),
    "openapi.reference": (EVERYBODY, None),
    "members.of_organization": (ADMIN, "members:read"),
    "projects.listed": (READER, "rollouts:read"),
    "files.download": (READER, "bundles:read"),
    "files.statement": (READER, "bundles:read"),
    "files.sbom": (READER, "bundles:read"),
    "api.bundle": (READER, "bundles:read"),
    "api.environment": (READER, "rollouts:read"),
    "api.rollout": (READER, "rollouts:read"),
    "api.node": (READER, "nodes:read"),
    "changes.promote": (OPERATOR, "rollouts:write"),
    "changes.rollback": (OPERATOR, "rollouts:write"),
    "changes.cancel": (OPERATOR, "rollouts:write"),
    "changes.pause": (OPERATOR, "rollouts:write"),
    "changes.resume": (OPERATOR, "rollouts:write"),
    "changes.one": (READER, "rollouts:read"),
    "changes.create": (OPERATOR, "rollouts:write"),
    "changes.approve": (OPERATOR, "approvals:write"),
    "changes.reject": (OPERATOR, "approvals:write"),
    "changes.go": (OPERATOR, "approvals:write"),
    "bundles.create": (OPERATOR, "bundles:write"),
    "bundles.revoke": (OPERATOR, "bundles:write"),
    "bundles.allow": (OPERATOR, "bundles:write"),
    "bundles.diff": (READER, "bundles:read"),
    "bundles.verification": (READER, "bundles:read"),
    "drift.listed": (READER, "nodes:read"),
    "drift.stats": (READER, "nodes:read"),
    "drift.export": (READER, "nodes:read"),
    "drift.one": (READER, "nodes:read"),
    "drift.resolve": (OPERATOR, "nodes:write"),
    "node_acts.retire": (OPERATOR, "nodes:write"),
    "node_acts.revoke_tokens": (OPERATOR, "nodes:write"),
    "pins.listed": (READER, "nodes:read"),
    "pins.put": (OPERATOR, "nodes:write"),
    "pins.delete": (OPERATOR, "nodes:write"),
    "join_tokens.listed": (READER, "nodes:read"),
    "join_tokens.create": (OPERATOR, "nodes:write"),
    "join_tokens.one": (READER, "nodes:read"),
    "join_tokens.revoke": (OPERATOR, "nodes:write"),
    "changes.pin_change": (READER, "nodes:read"),
    "changes.build": (READER, "bundles:read"),
    "changes.edit": (READER, "services:read"),
    "changes.policy_edit": (READER, "policies:read"),
    "kinds.kinds": (READER, "services:read"),
    "kinds.schema": (READER, "services:read"),
    "resources.resources_listed": (READER, "services:read"),
    "resources.resources_one": (READER, "services:read"),
    "resources.resources_create": (OPERATOR, "services:write"),
    "resources.resources_put": (OPERATOR, "services:write"),
    "resources.resources_delete": (OPERATOR, "services:write"),
    "resources.policies_listed": (READER, "policies:read"),
    "resources.policies_one": (READER, "policies:read"),
    "resources.policies_create": (ADMIN, "policies:write"),
    "resources.policies_put": (ADMIN, "policies:write"),
    "resources.policies_delete": (ADMIN, "policies:write"),
    "api.commits": (READER, "bundles:read"),
    "api.commit": (READER, "bundles:read"),
    "api.risk": (READER, "bundles:read"),
    "api.bundles": (READER, "bundles:read"),
    "api.environments": (READER, "rollouts:read"),
    "api.releases": (READER, "rollouts:read"),
    "api.rollouts": (READER, "rollouts:read"),
    "api.events": (READER, "events:read"),
    "api.nodes": (READER, "nodes:read"),
    "api.node_stats": (READER, "nodes:read"),
}
"""The least role, and the scope with which a key may. A route that is not here makes the first test fail."""

ORDER = [READER, OPERATOR, ADMIN]
DUMMIES: dict[str, Any] = {
    "organization": "acme", "project": "shop", "number": 1, "filename": "panel.css", "kind": "upstream",
    "policy": "team",
}  # fmt: skip


@dataclass(frozen=True)
class Asker:
    """Somebody who asks. `role` is theirs in acme/shop and `wide` in acme; `scopes` None for a session; a key `reaches`
    the shop or not, and the whole organization or not."""

    name: str
    headers: dict[str, str]
    role: str | None
    wide: str | None
    scopes: frozenset[str] | None = None
    reaches: bool = True
    reaches_all: bool = True
    valid: bool = True


def stubbed(app: Flask) -> list[tuple[str, str, str, str]]:
    """Put an answer of 204 in the place of every view, so that only the gate speaks.

    Gives (endpoint, method, path, whether it is in a "project", an "organization" or neither) of every route.
    """
    found = []
    for rule in app.url_map.iter_rules():
        view = app.view_functions[rule.endpoint]

        def stub(*_: Any, **__: Any) -> Response:
            return Response(status=204)

        if hasattr(view, "needs"):
            stub.__dict__["needs"] = view.needs
        app.view_functions[rule.endpoint] = stub
        with app.test_request_context():
            values = {name: DUMMIES.get(name, "x") for name in rule.arguments}
            path = app.url_map.bind("localhost").build(rule.endpoint, values)
        methods = sorted((rule.methods or set()) - {"HEAD", "OPTIONS"})
        place = next((p for p in ("project", "organization") if p in rule.arguments), "")
        found += [(rule.endpoint, method, path, place) for method in methods]
    return found


def test_every_route_stands_in_the_table(app: Flask) -> None:
    assert {rule.endpoint for rule in app.url_map.iter_rules()} == set(ROUTES)


def expected(asker: Asker, endpoint: str, place: str) -> set[int]:
    """The statuses that are right for an asker and a route."""
    role, scope = ROUTES[endpoint]
    if not asker.valid:
        return {204} if role == EVERYBODY else {401}
    if role == EVERYBODY:
        return {204}
    has = asker.role if place == "project" else asker.wide
    reaches = asker.reaches if place == "project" else asker.reaches_all
    if place and (has is None or not reaches):
        return {404}
    if place and role in ORDER and ORDER.index(str(has)) < ORDER.index(role):
        return {403}
    if asker.scopes is None:
        return {204}
    granted = asker.scopes | {s.replace(":write", ":read") for s in asker.scopes}
    return {204} if scope is not None and scope in granted else {403}


def keys() -> Iterator[Asker]:
    owner = "admin@acme.example"
    for scope in SCOPES:
        yield Asker(f"key {scope}", bearer(key_of(owner, scope)), ADMIN, ADMIN, frozenset({scope}))
    for project, reaches in (("shop", True), ("blog", False)):
        token = key_of(owner, *SCOPES, project=project)
        every = frozenset(SCOPES)
        yield Asker(
            f"key of {project}", bearer(token), ADMIN, ADMIN, every, reaches=reaches, reaches_all=False
        )
    foreign = key_of("root@sentinel.example", *SCOPES, organization="rival")
    every = frozenset(SCOPES)
    yield Asker("key of rival", bearer(foreign), ADMIN, ADMIN, every, reaches=False, reaches_all=False)
    yield Asker("key without scopes", bearer(key_of(owner)), ADMIN, ADMIN, frozenset())
    yield Asker("key with an unknown scope", bearer(key_of(owner, "*", "nodes:*")), ADMIN, ADMIN, frozenset())
    for email in ("reader@acme.example", "kept-out@acme.example", "nobody@acme.example"):
        token = key_of(email, *SCOPES)
        yield Asker(f"key of {email}", bearer(token), ROLE_IN_SHOP[email], ROLE_IN_ACME[email], every)
    yield Asker("expired key", bearer(key_of(owner, *SCOPES, days=-1)), ADMIN, ADMIN, valid=False)
    yield Asker("unknown key", bearer("sck_" + "x" * 43), None, None, valid=False)
    yield Asker("no bearer", {"Authorization": "Basic YTpi"}, None, None, valid=False)
    yield Asker("empty bearer", {"Authorization": "Bearer "}, None, None, valid=False)


def test_everybody_at_every_route(app: Flask) -> None:
    clients: list[tuple[Asker, Any]] = [(asker, app.test_client()) for asker in keys()]
    for email, role in ROLE_IN_SHOP.items():
        client = signed_in(app, email)
        clients.append((Asker(email, {"X-CSRFToken": form_token(client)}, role, ROLE_IN_ACME[email]), client))
    routes = stubbed(app)
    wrong = []
    for asker, client in clients:
        for endpoint, method, path, place in routes:
            status = client.open(path, method=method, headers=asker.headers).status_code
            # A stylesheet and the state of the process do not look at who asks; a form for everybody does.
            right = expected(asker, endpoint, place)
            if endpoint in FORMS_FOR_EVERYBODY and not asker.valid:
                right = {401}
            if status not in right:
                wrong.append(f"{asker.name}: {method} {path} gives {status}, expected {sorted(right)}")
    assert wrong == []
    assert len(clients) * len(routes) > 1000


def test_strangers_are_asked_who_they_are_and_learn_nothing(app: Flask) -> None:
    client, wrong = app.test_client(), []
    for endpoint, method, path, _ in stubbed(app):
        status = client.open(path, method=method).status_code
        right = 204 if ROUTES[endpoint][0] == EVERYBODY else 303
        if right == 303 and (path.startswith("/api/") or path == "/metrics" or path.endswith("/live")):
            right = 401
        if method != "GET":
            right = 400 if endpoint in FORMS_FOR_EVERYBODY else 401
        if status != right:
            wrong.append(f"{method} {path} gives {status}, expected {right}")
    assert wrong == []
    absent, hidden = "/api/v1/projects/nope/commits", "/api/v1/projects/shop/commits"
    assert client.get(absent).data == client.get(hidden).data


def test_absent_and_hidden_are_the_same_byte_for_byte(app: Flask) -> None:
    client = signed_in(app, "admin@rival.example")
    pairs = [
        ("/api/v1/projects/nope/commits", "/api/v1/projects/shop/commits"),
        ("/o/acme/p/nope/", "/o/acme/p/shop/"),
        ("/o/nope/p/nope/nodes", "/o/acme/p/blog/nodes"),
        ("/o/rival/p/shop/", "/o/acme/p/shop/"),
    ]
    for absent, hidden in pairs:
        one, other = client.get(absent), client.get(hidden)
        assert (one.status_code, other.status_code) == (404, 404)
        assert one.data == other.data


def test_the_account_that_is_disabled_is_nobody(app: Flask) -> None:
    client = signed_in(app, "admin@acme.example")
    token = key_of("admin@acme.example", *SCOPES)
    assert client.get("/api/v1/projects/shop/commits").status_code == 200
    set_disabled(person_of("admin@acme.example"), True, now=NOW)
    assert client.get("/api/v1/projects/shop/commits").status_code == 401
    assert app.test_client().get("/api/v1/projects/shop/commits", headers=bearer(token)).status_code == 401
    set_disabled(person_of("admin@acme.example"), False, now=NOW)
    assert client.get("/api/v1/projects/shop/commits").status_code == 401


def test_a_key_beside_a_session_counts_alone(app: Flask) -> None:
    client = signed_in(app, "root@sentinel.example")
    weak = bearer(key_of("reader@acme.example", "nodes:read"))
    assert client.get("/api/v1/projects/shop/commits").status_code == 200
    assert client.get("/api/v1/projects/shop/commits", headers=weak).status_code == 403


def test_a_role_is_taken_away_with_its_line(app: Flask, settings: Settings) -> None:
    client = signed_in(app, "reader@acme.example")
    assert client.get("/api/v1/projects/shop/commits").status_code == 200
    text = settings.config_file.read_text()
    settings.config_file.write_text(text.replace('    member "reader@acme.example" "reader"\n', ""))
    assert client.get("/api/v1/projects/shop/commits").status_code == 404


def test_each_sees_their_own_projects_on_the_first_page_and_in_the_metrics(app: Flask) -> None:
    seen = {
        "root@sentinel.example": {"shop", "blog", "mail"},
        "admin@acme.example": {"shop", "blog"},
        "kept-out@acme.example": {"blog"},
        "guest@acme.example": {"shop"},
        "admin@rival.example": {"mail"},
        "nobody@acme.example": set(),
    }
    for email, projects in seen.items():
        client = signed_in(app, email)
        page, metrics = client.get("/").text, client.get("/metrics").text
        assert {p for p in ("shop", "blog", "mail") if f"/p/{p}/" in page} == projects, email
        assert {p for p in ("shop", "blog", "mail") if f'project="{p}"' in metrics} == projects, email


def test_this_machine_reads_and_changes_nothing_where_nobody_signs_in(settings: Settings) -> None:
    app = make_app(replace(settings, pages_access="loopback"))
    client, wrong = app.test_client(), []
    token = form_token(client)
    for endpoint, method, path, _ in stubbed(app):
        role, scope = ROUTES[endpoint]
        reads = role == EVERYBODY or scope is None or scope.endswith(":read")
        right = 204 if reads else 403
        if role == SIGNED_IN:
            right = 303 if method == "GET" else 401
        status = client.open(path, method=method, headers={"X-CSRFToken": token}).status_code
        if status != right:
            wrong.append(f"{method} {path} gives {status}, expected {right}")
    assert wrong == []


def test_a_route_without_an_action_stops_the_application(app: Flask) -> None:
    import pytest

    from web.auth import gate

    app.view_functions["stray"] = lambda: "hello"
    app.url_map.add(app.url_rule_class("/stray", endpoint="stray"))
    with pytest.raises(RuntimeError, match="stray"):
        gate.ensure_complete(app)
