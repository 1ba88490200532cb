"""Registration with keys, and the sealed secrets of a bundle: who is given them, and who is not."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from typing import Any

import pytest
from nacl.public import PrivateKey

from reconciler import clock
from reconciler.bundle.possession import Registration, open_challenge
from reconciler.bundle.sealed import Label, unwritten, written
from reconciler.db.models import Node, Pointer, Rollout, Work
from reconciler.db.node_keys import Challenge, WrappedKey
from reconciler.db.session import writing
from reconciler.keys.sealing import rewrap, seal
from reconciler.node.keys import NodeKeys, make_keys
from reconciler.node.sealedset import decode_sealed_set, open_sealed_set
from reconciler.store import layout
from tests.unit.node.publishing import build, paper_seal, pinned
from tests.unit.nodes_api.served import REGISTER, Api, Release, asked_for, serve

CANARY = b"canary-4417"
NEEDY = build(secrets={"shop-key": pinned("shop-key", 2, CANARY), "token": pinned("token", 1, CANARY)})
PLAIN = build("127.0.0.1:4000")
KEY = PrivateKey.generate()


def put(release: Release, name: str, version: int, environment: str = "production") -> bytes:
    """Seal a canary as the trunk flow stores it; gives the wrapped data key."""
    sealed = paper_seal(CANARY, bytes(KEY.public_key), Label("shop", environment, name, version))
    release.store.put(layout.sealed_value("acme", "shop", environment, name, version), sealed.value)
    return sealed.wrapped


def needed() -> list[tuple[str, int]]:
    return [(name, pin.version) for name, pin in NEEDY.secrets.items()]


def wrap_for(node: dict[str, Any], keys: NodeKeys, name: str, version: int, wrapped: bytes) -> None:
    """A row as the worker writes it."""
    public = bytes(keys.sealing.public_key)
    with writing():
        WrappedKey.create(
            node=node["id"], name=name, version=version, wrapped=written(rewrap(wrapped, KEY, public))
        )


def test_a_node_proves_both_keys_and_asks_for_its_secrets(environ: dict[str, str], release: Release) -> None:
    token, keys = release.token(uses=1), make_keys()

    async def talk(api: Api) -> None:
        node = await api.enrol(token, keys)
        row = Node.get_by_id(node["id"])
        assert (row.signing_key, row.sealing_key) == (keys.public.signing, keys.public.sealing)
        assert Challenge.select().count() == 0, "a challenge is used up"
        owed = Work.get(Work.kind == "delivery")
        assert (owed.organization, owed.project, owed.subject) == ("acme", "shop", "production")
        assert (await api.beat(node, 1)).status == 200

    serve(environ, talk)


def test_a_client_without_keys_registers_as_ever(environ: dict[str, str], release: Release) -> None:
    release.pointer(NEEDY, sequence=1)
    token = release.token()

    async def talk(api: Api) -> None:
        node = await api.register(token)
        assert Node.get_by_id(node["id"]).sealing_key is None
        assert Work.select().where(Work.kind == "delivery").count() == 0
        reply = await api.secrets(node, NEEDY.digest)
        assert (reply.status, reply.json["code"]) == (409, "E-NAP-014")

    serve(environ, talk)


Bend = Any


def _other_answer(body: dict[str, Any]) -> None:
    body["proof"]["answer"] = "0" * 64


def _other_signature(body: dict[str, Any]) -> None:
    body["proof"]["signature"] = "0" * 128


def _other_name(body: dict[str, Any]) -> None:
    body["name"] = "edge-2"


def _other_labels(body: dict[str, Any]) -> None:
    body["labels"] = {"tier": "core"}


def _other_signing_key(body: dict[str, Any]) -> None:
    body["keys"]["signing"] = make_keys().public.signing


def _other_sealing_key(body: dict[str, Any]) -> None:
    body["keys"]["sealing"] = make_keys().public.sealing


@pytest.mark.parametrize(
    "bend",
    [_other_answer, _other_signature, _other_name, _other_labels, _other_signing_key, _other_sealing_key],
)
def test_a_proof_that_does_not_hold_makes_no_node_and_costs_nothing(
    environ: dict[str, str], release: Release, bend: Bend
) -> None:
    token, keys = release.token(uses=1), make_keys()

    async def talk(api: Api) -> None:
        asked = Registration("shop", token, "edge-1", {}, {}, keys.public)
        challenge = (await api.ask("POST", REGISTER, body=asked_for(asked))).json["challenge"]
        answer = open_challenge(unwritten(challenge), keys.sealing)
        body = asked_for(asked, answer, keys.signing)
        good = asked_for(asked, answer, keys.signing)
        bend(body)
        reply = await api.ask("POST", REGISTER, body=body)
        assert (reply.status, reply.json["code"]) == (403, "E-NAP-016")
        assert Node.select().count() == 0
        assert (await api.ask("POST", REGISTER, body=good)).status == 201, (
            "neither token nor challenge is used up"
        )

    serve(environ, talk)


def test_a_registration_that_somebody_saw_cannot_be_sent_again(
    environ: dict[str, str], release: Release
) -> None:
    token, keys = release.token(), make_keys()

    async def talk(api: Api) -> None:
        asked = Registration("shop", token, "edge-1", {}, {}, keys.public)
        challenge = (await api.ask("POST", REGISTER, body=asked_for(asked))).json["challenge"]
        body = asked_for(asked, open_challenge(unwritten(challenge), keys.sealing), keys.signing)
        assert (await api.ask("POST", REGISTER, body=body)).status == 201
        assert (await api.ask("POST", REGISTER, body=body)).json["code"] == "E-NAP-016"
        assert Node.select().count() == 1

    serve(environ, talk)


@pytest.mark.parametrize("shared", ["signing", "sealing"])
@pytest.mark.parametrize("retired", [False, True])
def test_keys_of_another_node_are_refused(
    environ: dict[str, str], release: Release, shared: str, retired: bool
) -> None:
    token, keys, other = release.token(), make_keys(), make_keys()
    mixed = NodeKeys(
        signing_seed=keys.signing_seed if shared == "signing" else other.signing_seed,
        sealing_seed=keys.sealing_seed if shared == "sealing" else other.sealing_seed,
    )

    async def talk(api: Api) -> None:
        node = await api.enrol(token, keys)
        if retired:
            with writing():
                Node.update(retired_at=clock.now()).where(Node.id == node["id"]).execute()
        asked = Registration("shop", token, "edge-1", {}, {}, mixed.public)
        challenge = (await api.ask("POST", REGISTER, body=asked_for(asked))).json["challenge"]
        body = asked_for(asked, open_challenge(unwritten(challenge), mixed.sealing), mixed.signing)
        reply = await api.ask("POST", REGISTER, body=body)
        assert (reply.status, reply.json["code"]) == (409, "E-NAP-013")

    serve(environ, talk)


def test_a_challenge_ends_and_only_the_newest_one_counts(environ: dict[str, str], release: Release) -> None:
    token, keys = release.token(), make_keys()
    asked = Registration("shop", token, "edge-1", {}, {}, keys.public)

    async def talk(api: Api) -> None:
        async def challenged() -> dict[str, Any]:
            challenge = (await api.ask("POST", REGISTER, body=asked_for(asked))).json["challenge"]
            return asked_for(asked, open_challenge(unwritten(challenge), keys.sealing), keys.signing)

        older, newer = await challenged(), await challenged()
        assert (await api.ask("POST", REGISTER, body=older)).json["code"] == "E-NAP-016"
        now: datetime = clock.now()
        api.service.now = lambda: now + timedelta(minutes=3)
        assert (await api.ask("POST", REGISTER, body=newer)).json["code"] == "E-NAP-016"
        assert (await api.ask("POST", REGISTER, body=await challenged())).status == 201

    serve(environ, talk)


def test_a_bad_token_is_given_no_challenge(environ: dict[str, str], release: Release) -> None:
    keys = make_keys()

    async def talk(api: Api) -> None:
        asked = Registration("shop", "sjt_unknown", "edge-1", {}, {}, keys.public)
        reply = await api.ask("POST", REGISTER, body=asked_for(asked))
        assert (reply.status, reply.json["code"]) == (401, "E-NAP-006")
        assert Challenge.select().count() == 0

    serve(environ, talk)


@pytest.mark.parametrize("point", ["0" * 64, "01" + "0" * 62])
def test_a_sealing_key_that_is_no_key_is_refused(
    environ: dict[str, str], release: Release, point: str
) -> None:
    """Points of low order: whatever is sealed to them, everybody can open."""
    token = release.token()

    async def talk(api: Api) -> None:
        body = {"token": token, "name": "edge-1", "keys": {"signing": "a" * 64, "sealing": point}}
        reply = await api.ask("POST", REGISTER, body=body)
        assert (reply.status, reply.json["code"]) == (400, "E-NAP-004")

    serve(environ, talk)


def test_a_node_is_given_exactly_what_its_bundle_needs(environ: dict[str, str], release: Release) -> None:
    release.pointer(NEEDY, sequence=1)
    token, keys = release.token(), make_keys()

    async def talk(api: Api) -> None:
        node = await api.enrol(token, keys)
        reply = await api.secrets(node, NEEDY.digest)
        assert (reply.status, reply.json["code"]) == (503, "E-NAP-015")
        assert reply.headers["retry-after"] == "1"
        for name, version in (("shop-key", 1), ("shop-key", 2), ("token", 1), ("other", 1)):
            wrap_for(node, keys, name, version, put(release, name, version))
        reply = await api.secrets(node, NEEDY.digest)
        assert reply.status == 200
        assert reply.headers["cache-control"] == "no-store"
        assert [(s["name"], s["version"]) for s in reply.json["secrets"]] == [("shop-key", 2), ("token", 1)]
        opened = open_sealed_set(
            decode_sealed_set(reply.body, NEEDY.secrets),
            keys.sealing,
            project="shop",
            environment="production",
        )
        assert opened == {"shop-key": CANARY, "token": CANARY}
        assert CANARY not in reply.body

    serve(environ, talk)


def test_a_bundle_that_needs_nothing_has_an_empty_set(environ: dict[str, str], release: Release) -> None:
    release.pointer(PLAIN, sequence=1)
    token = release.token()

    async def talk(api: Api) -> None:
        node = await api.register(token)
        assert (await api.secrets(node, PLAIN.digest)).json == {"secrets": []}

    serve(environ, talk)


def test_a_bundle_that_was_pointed_at_before_is_still_served(
    environ: dict[str, str], release: Release
) -> None:
    release.pointer(NEEDY, sequence=1)
    release.rollout("r-1", "0" * 16, state="completed")
    with writing():
        Rollout.update(digest=NEEDY.digest).execute()
    release.pointer(PLAIN, sequence=2)
    token, keys = release.token(), make_keys()

    async def talk(api: Api) -> None:
        node = await api.enrol(token, keys)
        for name, version in needed():
            wrap_for(node, keys, name, version, put(release, name, version))
        assert (await api.secrets(node, NEEDY.digest)).status == 200

    serve(environ, talk)


def test_nobody_else_is_given_them(environ: dict[str, str], release: Release) -> None:
    release.pointer(NEEDY, sequence=1)
    never = build("127.0.0.1:5000", secrets={"shop-key": pinned("shop-key", 2, CANARY)})
    release.bundle(never)
    foreign = build("127.0.0.1:6000", secrets={"shop-key": pinned("shop-key", 2, CANARY)})
    release.bundle(foreign, project="other")
    with writing():
        Pointer.insert(
            organization="acme", project="other", environment="production", cohort="base", sequence=1,
            digest=foreign.digest, envelope="", etag="", issued_at=clock.now(),
        ).execute()  # fmt: skip
    tokens = [release.token(), release.token(), release.token("dev")]

    async def talk(api: Api) -> None:
        (mine, key), (other, _), (dev, _) = [
            (await api.enrol(token, keys, name=f"edge-{n}"), keys)
            for n, token in enumerate(tokens)
            if (keys := make_keys())
        ]
        for name, version in needed():
            wrap_for(mine, key, name, version, put(release, name, version))
        assert (await api.secrets(mine, NEEDY.digest)).status == 200
        # Another node's credential, none, and a retired node's: the same 401.
        denied = await api.secrets(mine, NEEDY.digest, key=other["key"])
        nobody = await api.ask("GET", f"/api/v1/nodes/{mine['id']}/secrets?bundle={NEEDY.digest}")
        unknown = await api.secrets({**mine, "id": "n-aaaaaaaaaaaa"}, NEEDY.digest)
        assert denied.status == 401
        assert denied.body == nobody.body == unknown.body
        # A node is given its own wrapping or nothing.
        assert (await api.secrets(other, NEEDY.digest)).json["code"] == "E-NAP-015"
        # Unknown, never pointed at, another environment's, another project's, malformed, several: the same 404.
        absent = await api.secrets(mine, "sha256:" + "0" * 64)
        assert absent.status == 404
        path = f"/api/v1/nodes/{mine['id']}/secrets"
        for reply in (
            await api.secrets(mine, never.digest),
            await api.secrets(mine, foreign.digest),
            await api.secrets(dev, NEEDY.digest),
            await api.secrets(mine, "latest"),
            await api.ask("GET", path, key=mine["key"]),
            await api.ask("GET", f"{path}?bundle={NEEDY.digest}&bundle={NEEDY.digest}", key=mine["key"]),
        ):
            assert (reply.status, reply.body) == (404, absent.body)
        with writing():
            Node.update(retired_at=clock.now(), changed_at=clock.now()).where(Node.id == mine["id"]).execute()
        deadline = asyncio.get_running_loop().time() + 10
        while (await api.secrets(mine, NEEDY.digest)).status != 401:
            assert asyncio.get_running_loop().time() < deadline
            await asyncio.sleep(0.05)

    serve(environ, talk)


def test_a_value_that_the_store_lacks_is_said(environ: dict[str, str], release: Release) -> None:
    release.pointer(NEEDY, sequence=1)
    token, keys = release.token(), make_keys()

    async def talk(api: Api) -> None:
        node = await api.enrol(token, keys)
        wrapped = put(release, "shop-key", 2)
        for name, version in needed():
            wrap_for(node, keys, name, version, wrapped)
        reply = await api.secrets(node, NEEDY.digest)
        assert (reply.status, reply.json["code"]) == (503, "E-NAP-009")
        assert "'token'" in reply.json["detail"]

    serve(environ, talk)


FORGED = seal(b"chosen", bytes(KEY.public_key), Label("shop", "production", "token", 1)).value


@pytest.mark.parametrize("forged", [FORGED, b"x" * 70_000], ids=["a sealed value", "too much"])
def test_a_value_that_was_replaced_in_the_store_is_not_given_out(
    environ: dict[str, str], release: Release, caplog: pytest.LogCaptureFixture, forged: bytes
) -> None:
    release.pointer(NEEDY, sequence=1)
    token, keys = release.token(), make_keys()
    place = layout.sealed_value("acme", "shop", "production", "token", 1)

    async def talk(api: Api) -> None:
        node = await api.enrol(token, keys)
        for name, version in needed():
            wrap_for(node, keys, name, version, put(release, name, version))
        true = release.store.get(place, limit=10**6)
        release.store.replace(place, forged)
        reply = await api.secrets(node, NEEDY.digest)
        assert (reply.status, reply.json["code"]) == (409, "E-NAP-017")
        assert "'token'" in reply.json["detail"]
        said = [record.levelname for record in caplog.records if "secret-replaced" in record.message]
        assert said == ["ERROR"]
        release.store.replace(place, true)
        assert (await api.secrets(node, NEEDY.digest)).status == 200, "what was refused is not remembered"
        release.store.replace(place, forged)
        reply = await api.secrets(node, NEEDY.digest)
        assert written(true) in reply.body.decode(), "the true value is in memory, and goes on being served"

    serve(environ, talk)
