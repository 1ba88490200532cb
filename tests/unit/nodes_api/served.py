"""The node API in this process, spoken to through ASGI; and rows and objects as the flows would have written them."""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from nacl.signing import SigningKey
from peewee import fn

from reconciler import clock
from reconciler.bundle.possession import Registration, open_challenge, sign_registration
from reconciler.bundle.sealed import unwritten
from reconciler.db.joining import create_join_token
from reconciler.db.models import Bundle, Environment, Pointer, Rollout
from reconciler.db.session import writing
from reconciler.fleet.cohorts import Assignment, OpenRollout, Target
from reconciler.node.keys import NodeKeys
from reconciler.settings import Settings
from reconciler.store import layout
from reconciler.store.choose import open_store
from tests.unit.bundle.paper_log import PaperLog
from tests.unit.node.publishing import DAY, ENVIRONMENTS, Built, make_signed_root, point
from web.nodes import app

RELEASED = datetime.fromisoformat("2026-01-01T00:00:00+00:00")


@dataclass
class Release:
    """Writes what a control plane publishes. `now` is the real clock: agents compare it with theirs."""

    settings: Settings
    log: PaperLog = field(default_factory=PaperLog)

    def __post_init__(self) -> None:
        self.store = open_store(self.settings)
        self.store.put(layout.root("acme", 1), make_signed_root(RELEASED, expires=RELEASED + 7000 * DAY))

    def bundle(self, built: Built, project: str = "shop") -> None:
        """A bundle of a project: row, blob, statement."""
        self.store.put(layout.bundle("acme", project, built.digest), built.blob)
        self.store.put(layout.statement("acme", project, built.digest), built.statement)
        with writing():
            Bundle.insert(
                organization="acme",
                project=project,
                digest=built.digest,
                length=len(built.tar),
                blob_sha256=built.blob_sha256,
                blob_length=len(built.blob),
                commit="1" * 40,
                compiler="c",
                created_at=clock.now(),
                environments={
                    name: {"secrets": {secret: p.to_json() for secret, p in built.secrets.items()}}
                    for name in ENVIRONMENTS
                },
            ).on_conflict_ignore().execute()

    def publish_log(self) -> None:
        """Every tile of the log, where nodes ask for them; nobody stops a forger from putting others there."""
        for tile, row in self.log.tiles.items():
            self.store.replace(layout.log("acme", tile.path), row)

    def pointer(self, built: Built, *, sequence: int, **changes: Any) -> bytes:
        """A pointer for the base cohort of production, or as `changes` say."""
        self.bundle(built)
        now = clock.now().replace(microsecond=0)
        envelope = point(built, sequence=sequence, now=now, log=self.log, **changes)
        self.publish_log()
        self.raw_pointer(envelope, built.digest, sequence, **changes)
        return envelope

    def raw_pointer(self, envelope: bytes, digest: str, sequence: int, **where: Any) -> None:
        """Any bytes as the pointer of a cohort."""
        with writing():
            Pointer.delete().where(
                Pointer.environment == where.get("at", where.get("environment", "production")),
                Pointer.cohort == where.get("cohort", "base"),
            ).execute()
            Pointer.create(
                organization="acme",
                project="shop",
                environment=where.get("at", where.get("environment", "production")),
                cohort=where.get("cohort", "base"),
                sequence=sequence,
                digest=digest,
                envelope=envelope.decode(),
                etag=hashlib.sha256(envelope).hexdigest(),
                issued_at=clock.now(),
            )

    def rollout(self, name: str, reach: str, *, state: str = "open", environment: str = "production") -> None:
        """An open rollout that has reached this rank."""
        opened = OpenRollout(name, Target(clock.now()), {"": reach})
        with writing():
            Rollout.delete().where(Rollout.name == name).execute()
            Environment.delete().where(Environment.name == environment).execute()
            newest = Pointer.select(fn.MAX(Pointer.sequence)).where(Pointer.environment == environment)
            Environment.create(
                organization="acme", project="shop", name=environment, position=0, updated_at=clock.now(),
                sequence=newest.scalar() or 0, assignment=Assignment(opened if state == "open" else None).to_json(),
            )  # fmt: skip
            Rollout.create(
                organization="acme",
                project="shop",
                environment=environment,
                name=name,
                digest="sha256:" + "0" * 64,
                strategy="rolling",
                state=state,
                opened_at=clock.now(),
                view={"steps": [{"number": 1, "nodes": 1, "state": "active"}]},
            )

    def token(self, environment: str = "production", project: str = "shop", **options: Any) -> str:
        """A join token."""
        return create_join_token("acme", project, environment, now=clock.now(), **options)


REGISTER = "/api/v1/projects/shop/nodes/register"


def asked_for(asked: Registration, answer: bytes = b"", key: SigningKey | None = None) -> dict[str, Any]:
    """The body of a registration with keys; with `key` the second one, which proves them."""
    body: dict[str, Any] = {"token": asked.token, "name": asked.name, "labels": dict(asked.labels)}
    body["keys"] = {"signing": asked.keys.signing, "sealing": asked.keys.sealing}
    if key is not None:
        body["proof"] = {
            "answer": answer.hex(),
            "signature": sign_registration(asked, answer, key).hex(),
        }
    return body


@dataclass
class Reply:
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Api:
    """Speaks ASGI to the application of one worker."""

    state: dict[str, Any] = field(default_factory=dict)

    @property
    def service(self) -> Any:
        return self.state["service"]

    async def ask(
        self,
        method: str,
        path: str,
        *,
        body: bytes | Any = b"",
        key: str | None = None,
        headers: dict[str, str] | None = None,
        chunks: int = 1,
    ) -> Reply:
        """One request; a body that is not bytes is sent as JSON."""
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        sent = [(k.lower().encode(), v.encode()) for k, v in (headers or {}).items()]
        if key is not None:
            sent.append((b"authorization", f"Bearer {key}".encode()))
        size = max(1, -(-len(data) // chunks))
        parts = [data[i : i + size] for i in range(0, len(data), size)] or [b""]
        messages: list[dict[str, Any]] = []

        async def receive() -> dict[str, Any]:
            if not parts:
                return {"type": "http.disconnect"}
            part = parts.pop(0)
            return {"type": "http.request", "body": part, "more_body": bool(parts)}

        async def send(message: Any) -> None:
            messages.append(message)

        scope = {
            "type": "http", "method": method, "path": path.partition("?")[0], "headers": sent,
            "query_string": path.partition("?")[2].encode("utf-8", "surrogatepass"), "client": ("10.0.0.9", 1),
            "state": self.state,
        }  # fmt: skip
        await app.application(scope, receive, send)
        return Reply(
            messages[0]["status"],
            {k.decode(): v.decode() for k, v in messages[0]["headers"]},
            b"".join(m.get("body", b"") for m in messages[1:]),
        )

    async def register(self, token: str, name: str = "edge-1", project: str = "shop") -> dict[str, Any]:
        reply = await self.ask(
            "POST",
            f"/api/v1/projects/{project}/nodes/register",
            body={"token": token, "name": name, "labels": {}},
        )
        assert reply.status == 201, reply.body
        document: dict[str, Any] = reply.json
        return document

    async def enrol(self, token: str, keys: NodeKeys, name: str = "edge-1") -> dict[str, Any]:
        """Register with keys, in both steps."""
        asked = Registration("shop", token, name, {}, {}, keys.public)
        reply = await self.ask("POST", REGISTER, body=asked_for(asked))
        assert reply.status == 202, reply.body
        answer = open_challenge(unwritten(reply.json["challenge"]), keys.sealing)
        reply = await self.ask("POST", REGISTER, body=asked_for(asked, answer, keys.signing))
        assert reply.status == 201, reply.body
        document: dict[str, Any] = reply.json
        return document

    async def secrets(self, node: dict[str, Any], digest: str, *, key: str | None = None) -> Reply:
        path = f"/api/v1/nodes/{node['id']}/secrets?bundle={digest}"
        return await self.ask("GET", path, key=key or node["key"])

    async def beat(self, node: dict[str, Any], counter: int, **said: Any) -> Reply:
        body = {"boot_id": "boot-0001", "counter": counter, **said}
        return await self.ask("POST", f"/api/v1/nodes/{node['id']}/heartbeat", body=body, key=node["key"])

    async def poll(self, node: dict[str, Any], **headers: str) -> Reply:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return await self.ask(
            "GET", f"/api/v1/nodes/{node['id']}/bundles/latest", key=node["key"], headers=named
        )


def serve(environ: dict[str, str], talk: Callable[[Api], Awaitable[None]]) -> None:
    """Run one worker's life around `talk`, through the lifespan protocol."""

    async def live() -> None:
        api = Api()
        to_app: asyncio.Queue[dict[str, str]] = asyncio.Queue()
        from_app: asyncio.Queue[Any] = asyncio.Queue()
        scope = {"type": "lifespan", "state": api.state}
        task = asyncio.create_task(app.live(scope, to_app.get, from_app.put, environ))
        await to_app.put({"type": "lifespan.startup"})
        started = await from_app.get()
        assert started["type"] == "lifespan.startup.complete", started
        try:
            await talk(api)
        finally:
            await to_app.put({"type": "lifespan.shutdown"})
            assert (await from_app.get())["type"] == "lifespan.shutdown.complete"
            await task

    asyncio.run(live())
