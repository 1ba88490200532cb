"""Tokens of nodes: what they open, for how long, and everything that ends them."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
import time
from collections.abc import Awaitable, Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from reconciler import clock
from reconciler.db.enrolled import find_node, retire, revoke_all_tokens, revoke_tokens
from reconciler.db.models import Event, JoinToken, Node
from reconciler.db.node_keys import TokenKey
from reconciler.db.session import writing
from reconciler.flows.founding import configuration
from tests.unit.nodes_api.served import REGISTER, Api, Release, Reply, serve
from web.nodes import tokens as subject
from web.nodes.tokens import AUDIENCE, ISSUER, Tokens, make_key


async def token_of(api: Api, node: dict[str, Any], key: str | None = None) -> str:
    reply = await api.ask("POST", f"/api/v1/nodes/{node['id']}/token", key=key or node["key"])
    assert reply.status == 200, reply.body
    assert reply.json["expires_in"] == 3600
    found: str = reply.json["token"]
    return found


async def poll(api: Api, node: dict[str, Any], credential: str) -> Reply:
    return await api.ask("GET", f"/api/v1/nodes/{node['id']}/bundles/latest", key=credential)


async def until(ask: Callable[[], Awaitable[Reply]], status: int, seconds: float = 5.0) -> None:
    """Ask until the answer has this status; revocation has to bite within five seconds."""
    deadline = time.monotonic() + seconds
    while (reply := await ask()).status != status:
        assert time.monotonic() < deadline, reply.body
        await asyncio.sleep(0.05)


def test_a_token_opens_what_the_key_opens(environ: dict[str, str], release: Release) -> None:
    token = release.token()

    async def talk(api: Api) -> None:
        node, other = await api.register(token), await api.register(token, "edge-2")
        mine = await token_of(api, node)
        assert jwt.get_unverified_header(mine)["alg"] == "EdDSA"
        claims = jwt.decode(mine, options={"verify_signature": False})
        assert (claims["iss"], claims["aud"], claims["sub"]) == (ISSUER, AUDIENCE, node["id"])
        assert (await poll(api, node, mine)).status == 204
        assert (await poll(api, other, mine)).status == 401
        for method, path in (("POST", "/token"), ("POST", "/key"), ("DELETE", "")):
            reply = await api.ask(method, f"/api/v1/nodes/{node['id']}{path}", key=mine, body=b"{}")
            assert reply.status == 401, "a stolen token makes no more of it"

    serve(environ, talk)


def test_no_private_key_is_written_anywhere(environ: dict[str, str], release: Release) -> None:
    token = release.token()

    async def talk(api: Api) -> None:
        node = await api.register(token)
        await token_of(api, node)
        private = api.service.tokens._own.private.private_bytes_raw()
        kept = b"".join(
            path.read_bytes() for path in Path(environ["SENTINEL_HOME"]).rglob("*") if path.is_file()
        )
        assert TokenKey.get().public.encode() in kept
        for form in (private, private.hex().encode(), base64.b64encode(private)):
            assert form not in kept

    serve(environ, talk)


def test_a_token_ends_after_an_hour(environ: dict[str, str], release: Release) -> None:
    token = release.token()

    async def talk(api: Api) -> None:
        node = await api.register(token)
        mine = await token_of(api, node)
        real = api.service.now
        api.service.now = lambda: real() + timedelta(minutes=59, seconds=58)
        assert (await poll(api, node, mine)).status == 204
        api.service.now = lambda: real() + timedelta(hours=1)
        assert (await poll(api, node, mine)).status == 401
        api.service.now = lambda: real() - timedelta(minutes=5)
        assert (await poll(api, node, mine)).status == 401, "from a clock that is far ahead"

    serve(environ, talk)


@pytest.mark.parametrize("how", ["this node's", "everybody's", "key replaced", "retired"])
def test_revocation_bites_within_five_seconds(environ: dict[str, str], release: Release, how: str) -> None:
    join = release.token()

    async def talk(api: Api) -> None:
        node, other = await api.register(join), await api.register(join, "edge-2")
        mine, others = await token_of(api, node), await token_of(api, other)
        assert (await poll(api, node, mine)).status == 204
        if how == "this node's":
            with writing():
                revoke_tokens(Node.get_by_id(node["id"]), now=clock.now())
        elif how == "everybody's":
            assert revoke_all_tokens() == 1
        elif how == "retired":
            with writing():
                assert retire(Node.get_by_id(node["id"]), "stolen", now=clock.now())
                assert not retire(Node.get_by_id(node["id"]), "stolen", now=clock.now())
        else:
            Node.update(key_sha256="0" * 64, changed_at=clock.now()).where(Node.id == node["id"]).execute()
        await until(lambda: poll(api, node, mine), 401)
        assert (await poll(api, other, others)).status == (401 if how == "everybody's" else 204)
        if how in ("this node's", "everybody's"):
            assert (await poll(api, node, await token_of(api, node))).status == 204

    serve(environ, talk)


def test_every_worker_takes_the_tokens_of_every_other(environ: dict[str, str], release: Release) -> None:
    join = release.token()

    async def talk(api: Api) -> None:
        node = await api.register(join)
        entry = api.service.directory.nodes[node["id"]]
        elsewhere = Tokens()
        elsewhere.adopt(await asyncio.to_thread(make_key, clock.now(), time.monotonic()))
        assert (await poll(api, node, elsewhere.issue(entry, clock.now()))).status == 204

    serve(environ, talk)


def test_keys_are_replaced_and_forgotten(environ: dict[str, str], release: Release) -> None:
    join = release.token()

    async def talk(api: Api) -> None:
        node = await api.register(join)
        first = await token_of(api, node)
        assert await token_of(api, node)
        assert TokenKey.select().count() == 1, "one key signs many tokens"
        real = api.service.now
        api.service.now = lambda: real() + subject.KEY_LIFE
        second = await token_of(api, node)
        assert jwt.get_unverified_header(second)["kid"] != jwt.get_unverified_header(first)["kid"]
        assert TokenKey.select().count() == 2, "tokens by the first one may still be good"
        api.service.now = lambda: real() + 3 * subject.KEY_LIFE
        await token_of(api, node)
        assert TokenKey.select().count() == 1

    serve(environ, talk)


def forged(node: dict[str, Any], good: str) -> list[str]:
    """Tokens that are not ours, or not for this."""
    stranger = Ed25519PrivateKey.generate()
    header, payload, signature = good.split(".")
    claims = jwt.decode(good, options={"verify_signature": False})
    kid = jwt.get_unverified_header(good)["kid"]

    def part(document: Any) -> str:
        return base64.urlsafe_b64encode(json.dumps(document).encode()).rstrip(b"=").decode()

    public = TokenKey.get().public
    hmac_with_public = jwt.encode(claims, public, "HS256", headers={"kid": kid})
    return [
        jwt.encode(claims, stranger, "EdDSA", headers={"kid": kid}),
        jwt.encode(claims, stranger, "EdDSA", headers={"kid": "0" * 16}),
        jwt.encode(claims, stranger, "EdDSA"),
        hmac_with_public,
        f"{part({'alg': 'none', 'kid': kid})}.{payload}.",
        f"{part({'alg': 'EdDSA', 'kid': [kid]})}.{payload}.{signature}",
        f"{header}.{part({**claims, 'exp': claims['exp'] + 9999})}.{signature}",
        f"{header}.{payload}.{signature[:-4]}AAAA",
        f"{header}.{payload}",
        f"{header}.{payload}.{signature}.{signature}",
        "[" * 1_900,
        base64.urlsafe_b64encode(b"[" * 1_300).decode() + "..",
        "x" * 5_000,
        "..",
        "snk_",
        node["id"],
    ]


def test_tokens_that_are_not_ours_open_nothing(environ: dict[str, str], release: Release) -> None:
    join = release.token()

    async def talk(api: Api) -> None:
        node = await api.register(join)
        good = await token_of(api, node)
        own = api.service.tokens._own
        claims = jwt.decode(good, options={"verify_signature": False})
        wrong = [
            jwt.encode({**claims, **changes}, own.private, "EdDSA", headers={"kid": own.kid})
            for changes in (
                {"aud": "operators"}, {"iss": "somebody"}, {"sub": "n-000000000000"}, {"exp": "soon"},
                {"exp": 10**30}, {"key": "0" * 16}, {"iat": claims["iat"] + 3600},
            )
        ]  # fmt: skip
        for name in ("aud", "iss", "sub", "exp", "iat", "key"):
            less = {key: value for key, value in claims.items() if key != name}
            wrong.append(jwt.encode(less, own.private, "EdDSA", headers={"kid": own.kid}))
        asked = [poll(api, node, token) for token in (*wrong, *forged(node, good))]
        replies = await asyncio.gather(*asked)
        assert {(reply.status, reply.body) for reply in replies} == {(401, replies[0].body)}
        assert (await poll(api, node, good)).status == 204

    serve(environ, talk)


def test_a_project_may_take_keys_for_tokens_alone(environ: dict[str, str], release: Release) -> None:
    file = Path(environ["SENTINEL_HOME"]) / "control-plane.kdl"
    plain = configuration("acme", "shop", "http://127.0.0.1:8003/shop.git", "main", "origin")
    file.write_bytes(plain)
    join = release.token()

    async def talk(api: Api) -> None:
        node = await api.register(join)
        assert (await poll(api, node, node["key"])).status == 204
        strict = plain.replace(b'project "shop" {', b'project "shop" {\n        node-credentials "token"')
        assert strict != plain
        file.write_bytes(strict)
        await until(lambda: poll(api, node, node["key"]), 403)
        assert (await poll(api, node, node["key"])).json["code"] == "E-NAP-018"
        assert (await poll(api, node, await token_of(api, node))).status == 204
        file.write_bytes(b"organization {")
        await asyncio.sleep(1.2)
        assert (await poll(api, node, node["key"])).status == 403, "a mistake allows nothing"
        assert (await poll(api, node, "snk_nobody")).status == 401

    serve(environ, talk)


def test_a_node_api_does_not_start_with_rules_that_it_cannot_read(environ: dict[str, str]) -> None:
    (Path(environ["SENTINEL_HOME"]) / "control-plane.kdl").write_text("organization {")

    async def talk(api: Api) -> None:
        """It is never reached."""

    with pytest.raises(AssertionError, match="E-NAP-020"):
        serve(environ, talk)


def sha256(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()


def test_a_node_replaces_its_key(environ: dict[str, str], release: Release) -> None:
    join = release.token()

    async def talk(api: Api) -> None:
        node, other = await api.register(join), await api.register(join, "edge-2")
        path = f"/api/v1/nodes/{node['id']}/key"
        new = "snk_" + "n" * 43
        taken = await api.ask("POST", path, key=node["key"], body={"sha256": sha256(other["key"])})
        assert (taken.status, taken.json["code"]) == (409, "E-NAP-013")
        assert (await api.ask("POST", path, key=node["key"], body={"sha256": sha256(new)})).status == 204
        assert (await poll(api, node, new)).status == 204
        assert (await poll(api, node, node["key"])).status == 401
        assert (await api.ask("POST", path, key=new, body={"sha256": sha256(new)})).status == 204, "again"
        assert (await api.ask("POST", path, key=other["key"], body={"sha256": sha256("x")})).status == 401
        kinds = [e.kind for e in Event.select().where(Event.subject == node["id"]).order_by(Event.id)]
        assert kinds == ["node.registered", "node.key-replaced"]

    serve(environ, talk)


def test_a_node_leaves(environ: dict[str, str], release: Release) -> None:
    join = release.token()

    async def talk(api: Api) -> None:
        node = await api.register(join)
        mine = await token_of(api, node)
        path = f"/api/v1/nodes/{node['id']}"
        assert (await api.ask("DELETE", path, key=node["key"])).status == 204
        assert (await poll(api, node, node["key"])).status == 401
        assert (await poll(api, node, mine)).status == 401
        assert (await api.ask("DELETE", path, key=node["key"])).status == 401
        assert find_node("acme", "shop", node["id"]) is None

    serve(environ, talk)


def test_a_registration_changes_no_other_node_unless_its_token_says_so(
    environ: dict[str, str], release: Release
) -> None:
    plain, replacing = release.token(), release.token(replaces=True, uses=2)

    async def talk(api: Api) -> None:
        old, elsewhere = await api.register(plain), await api.register(release.token("dev"))
        again = await api.register(plain)
        assert (await poll(api, old, old["key"])).status == 204, "two nodes of one name"
        body = {"token": replacing, "name": "edge-1", "labels": {}}
        reply = await api.ask("POST", REGISTER, body=body)
        assert (reply.status, reply.json["code"]) == (409, "E-NAP-019"), "both are there"
        assert JoinToken.get(JoinToken.replaces).uses_left == 2, "a refusal uses nothing up"
        Node.update(registered_at=clock.now() - timedelta(minutes=3)).execute()
        await api.register(replacing)
        await until(lambda: poll(api, old, old["key"]), 401)
        assert (await poll(api, again, again["key"])).status == 401
        assert (await poll(api, elsewhere, elsewhere["key"])).status == 204, "another environment"

    serve(environ, talk)
