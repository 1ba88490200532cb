"""Secrets on their whole way through a running system, and a search for them everywhere but where they belong.

A partner's key stands in an auth policy, private keys go with a listener's and with an upstream's certificate. Real
tools seal them, git carries them, real processes compile, publish and deliver them to nodes, which open them in memory.
"""

from __future__ import annotations

import base64
import io
import json
import os
import re
import secrets
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pygit2
import pytest
import redis
from click.testing import CliRunner
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import PrivateFormat

from reconciler import clock
from reconciler.bundle import archive
from reconciler.bundle.limits import LIMITS
from reconciler.cli.main import group
from reconciler.db import models
from reconciler.db.session import reading, writing
from reconciler.embedded.supervisor import python
from reconciler.flows.backup.form import split_lines
from reconciler.node.files import NodeFiles
from reconciler.node.runfolder import default_folder
from reconciler.store.choose import open_store
from tests.e2e.world import World, running
from tests.integration.test_secret_journey import objects, rows, spellings
from tests.unit.config.issuing import Issued, issue

pytestmark = pytest.mark.slow

MOST_PAGES = 300


@dataclass(frozen=True)
class Canary:
    """A value that must be found nowhere, and every form of it that is looked for."""

    name: str
    value: bytes
    forms: tuple[bytes, ...]


def text_canary() -> Canary:
    value = f"canary-{secrets.token_hex(16)}:partner".encode()
    return Canary("partner-key", value, tuple(spellings(value)))


def key_canary(name: str, issued: Issued) -> Canary:
    """A private key: a whole line of its PEM, and the number itself as it may have been written."""
    pem = issued.private(PrivateFormat.PKCS8)
    assert isinstance(issued.key, ec.EllipticCurvePrivateKey)
    number = issued.key.private_numbers().private_value
    raw = number.to_bytes(32, "big")
    lines = tuple(line for line in pem.splitlines()[1:-1] if len(line) > 20)
    encoded = tuple(base64.b64encode(raw[skip:])[:-4] for skip in range(3))
    return Canary(name, pem, (*lines, raw, raw.hex().encode(), str(number).encode(), *encoded))


class Sweep:
    """Everything that a system left or answers, by place."""

    def __init__(self, world: World, folder: Path, said: list[str]) -> None:
        self.world, self.folder, self.said = world, folder, said
        self.looked = 0

    def places(self) -> Iterator[tuple[str, bytes]]:
        yield from self.files()
        yield from objects(self.folder)
        yield from rows()
        yield from self.store()
        yield from self.backups()
        yield from self.queue()
        yield from self.processes()
        yield from self.pages()
        yield from self.node_api()
        yield "what the tools said", "\n".join(self.said).encode()

    def files(self) -> Iterator[tuple[str, bytes]]:
        """SENTINEL_HOME with its logs, database, object store, queue and nodes' homes; the clone beside it."""
        for path in self.folder.rglob("*"):
            try:
                if path.is_file() and not path.is_symlink():
                    yield str(path), path.read_bytes()
            except FileNotFoundError:
                continue  # Written by a running process, and replaced meanwhile.

    def store(self) -> Iterator[tuple[str, bytes]]:
        """Every object, bundles unpacked."""
        store = open_store(self.world.system.settings)
        for key in store.list(""):
            content = store.get(key, limit=LIMITS.blob)
            yield key, content
            if key.endswith(".tar.zst"):
                yield from ((f"{key}: {name}", data) for name, data in archive.unpack(content).items())

    def backups(self) -> Iterator[tuple[str, bytes]]:
        """A backup that is made now, unpacked; the file itself lies where `files` looks."""
        path = self.folder / f"{secrets.token_hex(4)}.backup"
        tool(self.said, "backup", "--out", str(path), "--json", environ=self.world.system.layout.environ())
        lines = list(split_lines(io.BytesIO(path.read_bytes())))
        assert len(lines) > 10
        yield f"backup {path.name}", b"".join(lines)

    def queue(self) -> Iterator[tuple[str, bytes]]:
        """Every key of the queue: jobs with their arguments and results, and whatever else lies there."""
        with redis.Redis(host="127.0.0.1", port=self.world.system.layout.ports.queue) as connection:
            for name in connection.scan_iter():
                kind = connection.type(name)
                read: dict[bytes, Any] = {
                    b"hash": lambda key: repr(connection.hgetall(key)),
                    b"string": lambda key: repr(connection.get(key)),
                    b"list": lambda key: repr(connection.lrange(key, 0, -1)),
                    b"set": lambda key: repr(connection.smembers(key)),
                    b"zset": lambda key: repr(connection.zrange(key, 0, -1)),
                    b"stream": lambda key: repr(connection.xrange(key)),
                }
                found = read[kind](name) if kind in read else ""
                yield f"queue {name!r}", repr(name).encode() + found.encode()

    def processes(self) -> Iterator[tuple[str, bytes]]:
        """Arguments and environment of every process of the system."""
        children: dict[int, list[int]] = {}
        for status in Path("/proc").glob("[0-9]*/stat"):
            try:
                parent = int(status.read_text().rpartition(")")[2].split()[1])
            except (OSError, ValueError):
                continue
            children.setdefault(parent, []).append(int(status.parent.name))
        open_, ours = [os.getpid()], []
        while open_:
            below = children.get(open_.pop(), [])
            ours += below
            open_ += below
        for process in ours:
            for part in ("cmdline", "environ"):
                try:
                    yield f"process {process} {part}", Path(f"/proc/{process}/{part}").read_bytes()
                except OSError:
                    continue

    def pages(self) -> Iterator[tuple[str, bytes]]:
        """Every page that a link leads to, and what machines ask the HTTP processes."""
        layout = self.world.system.layout
        home = layout.url("pages")
        waiting, seen = [home + "/"], {home + "/"}
        while waiting and len(seen) < MOST_PAGES:
            url = waiting.pop(0)
            body = fetch(url)
            yield url, body
            for link in re.findall(rb'(?:href|action)="(/[^"#]*)', body):
                found = home + link.decode().replace("&amp;", "&")
                if found not in seen and "/events" not in found:
                    seen.add(found)
                    waiting.append(found)
        for part in ("pages", "webhooks", "nodes"):
            for path in ("/health", "/ready", "/metrics", "/no-such-page"):
                yield f"{part} {path}", fetch(layout.url(part) + path)

    def node_api(self) -> Iterator[tuple[str, bytes]]:
        """What nodes are answered, each with its own key."""
        url = self.world.system.layout.url("nodes")
        for folder in sorted(self.world.system.layout.fleet.iterdir()):
            identity, state = NodeFiles(folder).identity(), NodeFiles(folder).state()
            if identity is None or state is None or state.active is None:
                continue
            for path in (
                f"nodes/{identity.id}/bundles/latest",
                f"nodes/{identity.id}/secrets?bundle={state.active.digest}",
                f"nodes/{identity.id}/roots/1",
                f"bundles/{state.active.digest}",
            ):
                yield f"{folder.name} {path}", fetch(f"{url}/api/v1/{path}", key=identity.key)

    def found(self, canaries: Iterable[Canary]) -> list[tuple[str, str]]:
        """Where something was found, and what."""
        forms = [(canary.name, form) for canary in canaries for form in canary.forms]
        hits = []
        for where, content in self.places():
            self.looked += 1
            hits += [(where, name) for name, form in forms if form in content]
        return hits


def fetch(url: str, *, key: str = "") -> bytes:
    request = urllib.request.Request(url, headers={"Authorization": f"Bearer {key}"} if key else {})
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return bytes(answer.read())
    except urllib.error.HTTPError as error:
        return bytes(error.read())


def process(world: World, said: list[str], *arguments: str, value: bytes) -> None:
    """`sentinelctl` in the clone, as a person runs it. The value goes in by standard input alone."""
    done = subprocess.run(
        [*python("-m", "reconciler.cli.main"), *arguments], cwd=world.road.clone, input=value, capture_output=True,
        env=world.system.layout.environ(), check=False,
    )  # fmt: skip
    said.append((done.stdout + done.stderr).decode())
    assert done.returncode == 0, said[-1]


def tool(
    said: list[str], *arguments: str, fails: bool = False, environ: Mapping[str, str] | None = None
) -> None:
    """The same verbs without a process of their own: starting one takes longer than its work."""
    result = CliRunner().invoke(group, list(arguments), env=environ)
    said.append(result.output + repr(result.exception))
    assert (result.exit_code != 0) == fails, said[-1]


def put_to_use(world: World, folder: Path, said: list[str]) -> list[Canary]:
    """Seal three values with the real tools, and let dev's proxies and agents need them."""
    begins = clock.now().replace(microsecond=0)
    root = issue("Canary root", ca=True, days=4000, begins=begins)
    shop = issue("shop.example", "shop.example", "www.shop.example", by=root, begins=begins)
    edge = issue("edge", "edge.example", by=root, begins=begins)
    partner = text_canary()
    process(world, said, "secret", "rotate", "partner-key", "--environment", "dev", value=partner.value)
    pairs = (("renew", "shop", shop, ()), ("add", "edge", edge, ("--environment", "dev")))
    for verb, name, issued, where in pairs:
        (folder / f"{name}.pem").write_bytes(issued.chain)
        (folder / f"{name}.key").write_bytes(issued.private())
        files = ("--cert", str(folder / f"{name}.pem"), "--key", str(folder / f"{name}.key"))
        tool(said, "certificate", verb, name, *files, *where)
    # Who has put a key into the repository's hands does not keep it lying about.
    for _, name, _, _ in pairs:
        (folder / f"{name}.key").unlink()
    upstreams = world.road.clone / "upstreams.kdl"
    text = upstreams.read_text()
    client = '    for "dev" {\n        target "127.0.0.1:3000"\n'
    assert client in text
    tls = '        tls {\n            sni "shop.internal.example"\n            client-certificate "edge"\n        }\n'
    upstreams.write_text(text.replace(client, client + tls, 1))
    return [partner, key_canary("shop-key", shop), key_canary("edge-key", edge)]


def a_node_refuses(world: World) -> None:
    """A pointer that somebody changed: every dev node says why it is not taken."""
    with reading():
        good = models.Pointer.get(models.Pointer.environment == "dev", models.Pointer.cohort == "base")
    document = json.loads(good.envelope)
    signature = document["signatures"][0]["sig"]
    document["signatures"][0]["sig"] = ("A" if signature[0] != "A" else "B") + signature[1:]
    envelope = json.dumps(document, sort_keys=True, separators=(",", ":"))
    with writing():
        models.Pointer.update(envelope=envelope, etag="0" * 64).where(models.Pointer.id == good.id).execute()

    def refused() -> bool:
        with reading():
            nodes = list(models.Node.select().where(models.Node.environment == "dev"))
        return all(node.refusal is not None for node in nodes)

    world.wait_for("every dev node refused", refused)


def in_memory(world: World, canaries: Iterable[Canary]) -> set[tuple[str, str]]:
    """Which node has opened which secret, in the folders in memory that the sweep leaves out."""
    environ = world.system.layout.environ()
    held = set()
    for folder in sorted(world.system.layout.fleet.glob("*-dev-*")):
        for path in default_folder(folder, environ).rglob("*"):
            if path.is_file():
                content = path.read_bytes()
                held |= {(folder.name, c.name) for c in canaries if any(form in content for form in c.forms)}
    return held


@pytest.mark.timeout(300)
def test_secrets_are_found_nowhere_but_in_the_memory_of_nodes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with running(tmp_path) as world:
        monkeypatch.chdir(world.road.clone)
        said: list[str] = []
        world.road.runs("dev", world.road.commit(world.road.head(), "compiled").digest)
        canaries = put_to_use(world, tmp_path, said)
        tool(said, "secret", "list")
        tool(said, "secret", "show", "partner-key", "--json")
        tool(said, "certificate", "list")
        tool(said, "validate", "--json")
        sha = world.road.push("Let the proxies and agents of dev use new secrets")
        digest = world.road.commit(sha, "compiled").digest
        world.road.runs("dev", digest)
        names = {folder.name for folder in world.system.layout.fleet.glob("*-dev-*")}
        assert in_memory(world, canaries) == {(node, c.name) for node in names for c in canaries}

        # Somebody writes the value out, and the tools say no without repeating it. It is not committed.
        careless = world.road.clone / "careless.kdl"
        value = canaries[0].value.decode()
        careless.write_text(f'secret "oops" {{\n    sealed "dev" "{value}"\n}}\n')
        tool(said, "validate", fails=True)
        careless.unlink()
        a_node_refuses(world)

        tool(said, "rebuild", environ=world.system.layout.environ())
        assert "trunk: trunk is known" in said[-1]
        sweep = Sweep(world, tmp_path, said)
        assert sweep.found(canaries) == []
        assert sweep.looked > 500

        # The sweep is worth something: a value in any of these places is found there.
        planted = canaries[0]
        leaks = plant(world, tmp_path, planted)
        try:
            hits = {where for where, name in sweep.found([planted])}
        finally:
            for process in leaks.processes:
                process.kill()
                process.wait()
        for part in leaks.parts:
            assert any(part in where for where in hits), (part, hits)


@dataclass(frozen=True)
class Leaks:
    """What was spoilt: a part of the name of each place, and processes to end."""

    parts: tuple[str, ...]
    processes: tuple[subprocess.Popen[bytes], ...]


def plant(world: World, folder: Path, canary: Canary) -> Leaks:
    """Put a value where it must never be: a log, a git object, a row that a page shows, a job, a process."""
    layout, value = world.system.layout, canary.value
    with (layout.logs / "worker-1.log").open("ab") as log:
        log.write(base64.b64encode(b"x" + value))
    repository = pygit2.Repository(str(folder / "clone" / ".git"))
    repository.create_blob(value)
    with redis.Redis(host="127.0.0.1", port=layout.ports.queue) as connection:
        connection.hset("rq:job:leak", "data", value)
    with writing():
        models.Commit.update(subject=value.decode()).execute()
        models.JoinToken.update(note=value.decode()).execute()
    store = open_store(world.system.settings)
    store.put("leak/bundle", value)
    process = subprocess.Popen(
        [sys.executable, "-c", "import time; time.sleep(600)"],
        env={"LEAK": value.decode(), "PATH": os.environ["PATH"]},
    )
    parts = (
        "worker-1.log",
        "clone/.git",
        "rq:job:leak",
        "Commit",
        "/p/shop",
        "leak/bundle",
        "backup ",
        f"process {process.pid} environ",
    )
    return Leaks(parts, (process,))
