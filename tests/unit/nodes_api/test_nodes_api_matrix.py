"""Who may use what: every route of the node API with every kind of credential. A new route is in it by itself."""

from __future__ import annotations

import asyncio
import hashlib
from dataclasses import dataclass
from datetime import timedelta

import pytest

from reconciler import clock
from reconciler.db.enrolled import retire, revoke_tokens
from reconciler.db.models import Node
from reconciler.db.session import writing
from reconciler.settings import read_settings
from tests.unit.node.publishing import build
from tests.unit.nodes_api.served import Api, Release, Reply, serve
from web.nodes.routes import ROUTES, Route

BUNDLE = build()
LIVE = ("own key", "own token", "key of a neighbour", "token of a neighbour", "key of another project",
        "token of another project", "key of another organization", "token of another organization")  # fmt: skip
DEAD = ("expired token", "revoked token", "key of a retired node", "token of a retired node", "join token",
        "operator's API key", "operator's session", "password", "nothing", "two headers")  # fmt: skip
ADMITTED = {"any": ("own key", "own token"), "key": ("own key",), "none": (*LIVE, *DEAD)}


@dataclass
class Somebody:
    id: str
    key: str
    token: str = ""


def enlist(name: str, organization: str = "acme", project: str = "shop") -> Somebody:
    """A registered node, as a row."""
    key = f"snk_{name}"
    with writing():
        Node.create(
            id=f"n-{name}", organization=organization, project=project, environment="production", name=name,
            key_sha256=hashlib.sha256(key.encode()).hexdigest(), registered_at=clock.now(), changed_at=clock.now(),
        )  # fmt: skip
    return Somebody(f"n-{name}", key)


async def arm(api: Api, somebody: Somebody, *, ago: timedelta = timedelta(0)) -> None:
    """Get a token, `ago` by the clock of the node API."""
    real = api.service.now
    api.service.now = lambda: real() - ago
    reply = await api.ask("POST", f"/api/v1/nodes/{somebody.id}/token", key=somebody.key)
    api.service.now = real
    assert reply.status == 200, reply.body
    somebody.token = reply.json["token"]


async def credentials(api: Api, release: Release, name: str) -> tuple[Somebody, dict[str, dict[str, str]]]:
    """A fresh node, and the headers of every kind of credential with regard to it."""
    own, expired, revoked = enlist(f"{name}-own"), enlist(f"{name}-expired"), enlist(f"{name}-revoked")
    neighbour, gone = enlist(f"{name}-neighbour"), enlist(f"{name}-gone")
    project, abroad = enlist(f"{name}-project", project="other"), enlist(f"{name}-abroad", "globex", "theirs")
    for one in (own, neighbour, project, abroad, gone, revoked):
        await arm(api, one)
    await arm(api, expired, ago=timedelta(hours=1))
    with writing():
        revoke_tokens(Node.get_by_id(revoked.id), now=clock.now())
        retire(Node.get_by_id(gone.id), "gone", now=clock.now())
    await api.service.look_early()
    await api.service.look_early()
    shown = {
        "own key": own.key, "own token": own.token,
        "key of a neighbour": neighbour.key, "token of a neighbour": neighbour.token,
        "key of another project": project.key, "token of another project": project.token,
        "key of another organization": abroad.key, "token of another organization": abroad.token,
        "expired token": expired.token, "revoked token": revoked.token,
        "key of a retired node": gone.key, "token of a retired node": gone.token,
        "join token": release.token(), "operator's API key": "sak_" + "k" * 43,
    }  # fmt: skip
    headers = {kind: {"Authorization": f"Bearer {credential}"} for kind, credential in shown.items()}
    headers["operator's session"] = {"Cookie": "session=" + "s" * 40}
    headers["password"] = {"Authorization": "Basic " + own.key}
    headers["nothing"] = {}
    headers["two headers"] = {"Authorization": f"Bearer {own.key}", "AUTHORIZATION": f"Bearer {own.key}"}
    return own, headers


def path_of(route: Route, own: Somebody) -> str:
    return route.example.replace("{id}", own.id).replace("sha256:" + "0" * 64, BUNDLE.digest)


def test_every_kind_of_credential_is_asked_with() -> None:
    assert set(ADMITTED) == {route.credential for route in ROUTES}
    assert len({route.label for route in ROUTES}) == len(ROUTES)


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: route.label)
def test_who_may_use_a_route(environ: dict[str, str], route: Route) -> None:
    release = Release(read_settings(environ))
    release.pointer(BUNDLE, sequence=1)

    async def talk(api: Api) -> None:
        own, headers = await credentials(api, release, route.label.replace("/", "-"))
        assert set(headers) == {*LIVE, *DEAD}
        path = path_of(route, own)
        admitted = (
            LIVE if "{id}" not in route.example and route.credential == "any" else ADMITTED[route.credential]
        )
        for method in route.methods:
            strangers = sorted(set(headers) - set(admitted))
            replies = await asyncio.gather(
                *(api.ask(method, path, headers=headers[kind], body=b"{}") for kind in strangers)
            )
            answers = {(reply.status, reply.body) for reply in replies}
            assert len(answers) <= 1, dict(zip(strangers, [reply.status for reply in replies], strict=True))
            assert {status for status, _ in answers} <= {401}
            # The node's own key comes last: what it may do includes to leave.
            for kind in sorted(admitted, key=lambda kind: kind == "own key"):
                reply = await api.ask(method, path, headers=headers[kind], body=b"{}")
                assert reply.status == expected(route, kind, reply), (kind, reply.body)

    serve(environ, talk)


def expected(route: Route, kind: str, reply: Reply) -> int:
    """What whoever is admitted is answered to an empty request."""
    foreign = "another project" in kind or "another organization" in kind
    if route.label == "bundles":
        return 404 if foreign else 200
    if route.label.startswith("batch/"):
        return 400
    return {
        "heartbeat": 400, "bundles/latest": 200, "token": 200, "key": 400, "node": 204, "secrets": 200, "roots": 200,
        "log/tile": reply.status if reply.status in (200, 404) else 200, "register": 400, "health": 200,
        "ready": 200, "metrics": 200,
    }[route.label]  # fmt: skip
