"""Keys are rotated, and a pointer key is stolen, while a fleet runs: real flows, real HTTP, real agents.

No node may lose what it runs or take what was not signed for it, whatever happens to keys and roots.
"""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from nacl.signing import SigningKey

from reconciler import clock
from reconciler.bundle import dsse
from reconciler.bundle.limits import LIMITS
from reconciler.bundle.pointer import Pointer as SignedPointer
from reconciler.bundle.pointer import sign_pointer
from reconciler.bundle.root import decode_root
from reconciler.bundle.statement import decode_statement, sign_statement
from reconciler.config.installation import Installation, Organization, Project
from reconciler.db import session
from reconciler.db.joining import create_join_token
from reconciler.db.models import Bundle, Node
from reconciler.errors import NotYet
from reconciler.flows import environment, trunk
from reconciler.flows.context import Context
from reconciler.flows.log.signing import place
from reconciler.git.identity import Identity
from reconciler.git.mirror import Mirror
from reconciler.git.writing import commit_edit, push
from reconciler.settings import read_settings
from reconciler.simulator.building import Group, build_fleet
from reconciler.simulator.fleet import Fleet
from reconciler.store import layout
from reconciler.store.choose import open_store
from tests.integration.environment_world import (
    held,
    make_keys,
    publish_first_root,
    publish_next_root,
    use_key,
)
from tests.integration.node_servers import NodeApi, TamperingServer
from tests.servers.git_http import GitServer, git_server
from tests.servers.migrated import migrated
from tests.unit.bundle.paper_log import logged
from tests.unit.node.publishing import build

__all__ = ["git_server"]

ADA = Identity("Ada", "ada@example.com")
YEAR = timedelta(days=365)
PROJECT = b"""project "shop" { title "Shop"; }
environment "dev" {
    proxy-version "0.6.20"
    policy {
        strategy "all-at-once"
        min-healthy "1s"
        progress-deadline "120s"
    }
}
listener "public" { address "0.0.0.0:8080"; }
service "web" {
    path-prefix "/"
    upstream "web"
}
upstream "web" { target "127.0.0.1:%d"; }
"""


class System:
    """A control plane whose flows run when the test says so, a node API, a server in front of it, and a fleet."""

    def __init__(self, folder: Path, server: GitServer, port: int) -> None:
        environ = {"SENTINEL_HOME": str(folder / "home"), "NODE_POLL_SECONDS": "0.3"}
        settings = read_settings(environ)
        migrated(settings)
        _, url = server.repository(hashlib.sha256(str(folder).encode()).hexdigest()[:16])
        project = Project("shop", "acme", "Shop", url, "", "", "main", None)
        organization = Organization("acme", "Acme", make_keys(folder), (project,), ())
        self.context = Context(
            settings, Installation((organization,)), organization, project, {}, open_store(settings)
        )
        self.folder, self.source, self.environ = folder, PROJECT, environ
        publish_first_root(self.context, expires=clock.now().replace(microsecond=0) + YEAR)
        self.person = Mirror.open(folder / "person.git", url, None)
        self.api = NodeApi(environ, port, folder / "nodes.log")
        self.front = TamperingServer(port)
        self.log: list[str] = []
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self.fleet: Fleet | None = None

    def start_fleet(self, count: int) -> None:
        token = create_join_token("acme", "shop", "dev", now=clock.now(), uses=None, expires_at=None)
        self.fleet = build_fleet(
            (Group("dev", count),),
            home=self.folder / "nodes",
            url=self.front.url,
            project="shop",
            token_of=lambda name: token,
            say=self.log.append,
        )
        self._thread = threading.Thread(target=self.fleet.run, args=(self._stop,))
        self._thread.start()

    def stop(self) -> None:
        self._stop.set()
        if self._thread is not None:
            self._thread.join(30)
        self.front.stop()
        self.api.stop()
        session.disconnect()

    def push(self, port: int) -> str:
        """A commit of trunk, compiled; the digest of its bundle."""
        head = self.person.fetch().get("refs/heads/main")
        sha = commit_edit(
            self.person, head, {"shop.kdl": self.source % port}, message=f"Port {port}", author=ADA, committer=ADA,
            when=clock.now(), key=None,
        )  # fmt: skip
        push(self.person, "refs/heads/main", sha, head)
        outcome = trunk.run(self.context, lambda: None)
        assert outcome.kind == "changed", outcome
        with session.reading():
            digest: str = Bundle.select().order_by(Bundle.id.desc()).get().digest
        return digest

    def sign_again(self) -> None:
        """What the clock asks for after a new root."""
        trunk.run(self.context, lambda: None)
        environment.run(self.context, "dev", lambda: None)

    def settle(self, *digests: str, condition: Callable[[list[Node]], bool] = lambda nodes: True) -> None:
        """Let the control plane work until every node runs the last digest; on the way each runs one of `digests`."""
        deadline = time.monotonic() + 120
        while True:
            try:
                environment.run(self.context, "dev", lambda: None)
            except NotYet:
                trunk.run(self.context, lambda: None)
            with session.reading():
                nodes = list(Node.select().order_by(Node.name))
            running = {node.running for node in nodes}
            assert running <= {*digests, ""}, running
            if nodes and running == {digests[-1]} and condition(nodes):
                assert {node.health for node in nodes} == {"healthy"}
                return
            said = [(node.name, node.running[:15], node.health, node.refusal) for node in nodes]
            assert time.monotonic() < deadline, f"{said}\n" + "\n".join(self.log[-20:])
            time.sleep(0.1)

    def root_versions(self) -> set[int]:
        """The newest root that each node believes."""
        assert self.fleet is not None
        states = [node.agent.state for node in self.fleet.nodes]
        assert all(state is not None for state in states)
        read = [dsse.read_envelope(s.root.encode(), "it", limit=LIMITS.root) for s in states if s is not None]
        return {decode_root(envelope.payload).version for envelope in read}

    def pointer(self, digest: str, *, sequence: int, epoch: int = 1) -> SignedPointer:
        """A pointer to a bundle that is in the store."""
        with session.reading():
            row = Bundle.get(Bundle.digest == digest)
        now = clock.now().replace(microsecond=0)
        return SignedPointer(
            "acme", "shop", "dev", "base", epoch, sequence, digest, row.length, row.blob_sha256, row.blob_length,
            issued=now, expires=now + timedelta(hours=24),
        )  # fmt: skip

    def serve_instead(self, pointer: bytes, statement: bytes, root_version: int) -> None:
        """Somebody between nodes and node API: every node is told that there is news, and gets this."""

        def tamper(path: str, body: bytes) -> bytes:
            if path.endswith("/heartbeat"):
                tag = hashlib.sha256(pointer).hexdigest()
                return b'{"pointer_etag":"\\"%s\\"","poll_seconds":0.3}' % tag.encode()
            if path.endswith("/bundles/latest"):
                return (
                    b'{"cohort":"base","root_version":%d,"blob":"x","pointer":%s,"statement":%s}'
                    % (root_version, pointer, statement)
                )  # fmt: skip
            return body

        self.front.tamper, self.front.fresh = tamper, True

    def serve_honestly(self) -> None:
        self.front.tamper, self.front.fresh = (lambda path, body: body), False

    def refused(self, code: str, sequence: int) -> Callable[[list[Node]], bool]:
        """Every node says that it refused the pointer of this sequence with this code."""
        return lambda nodes: all(
            node.refusal is not None and (node.refusal["code"], node.refusal["sequence"]) == (code, sequence)
            for node in nodes
        )

    def statement(self, digest: str) -> bytes:
        return self.context.store.get(layout.statement("acme", "shop", digest), limit=LIMITS.statement)


@pytest.fixture
def system(tmp_path: Path, git_server: GitServer, free_port: int) -> Iterator[System]:
    made = System(tmp_path, git_server, free_port)
    yield made
    made.stop()


def test_every_key_is_rotated_under_a_running_fleet(system: System, tmp_path: Path) -> None:
    context = system.context
    first = system.push(3000)
    system.start_fleet(3)
    system.settle(first)
    assert system.root_versions() == {1}

    old = {
        role: dsse.keyid(bytes(held(context, role).verify_key)) for role in ("bundle", "pointer", "commit")
    }
    new = {role: use_key(context, role, tmp_path / f"{role}-2.key") for role in old}
    publish_next_root(
        context,
        expires=clock.now().replace(microsecond=0) + YEAR,
        add={role: (public,) for role, public in new.items()},
        remove={role: (keyid,) for role, keyid in old.items()},
    )
    # Between the new root and the new signatures nodes hear of nothing that they would refuse.
    time.sleep(1.0)
    system.sign_again()
    system.settle(first, condition=lambda nodes: system.root_versions() == {2})
    second = system.push(4000)
    system.settle(first, second)
    assert [line for line in system.log if " refused " in line] == []

    # A root key changes hands, which nodes learn too, and a node that comes now starts from the newest root.
    root_key = held(context, "root")
    public = use_key(context, "root", tmp_path / "root-2.key")
    with pytest.raises(Exception, match="signatures"):
        publish_next_root(
            context, add={"root": (public,)}, remove={"root": (dsse.keyid(bytes(root_key.verify_key)),)}
        )
    context.organization = replace(
        context.organization, keys=replace(context.organization.keys, root=(f"file:{tmp_path}/root.key",))
    )
    publish_next_root(context, expires=clock.now().replace(microsecond=0) + YEAR, add={"root": (public,)})
    system.sign_again()
    system.settle(second, condition=lambda nodes: system.root_versions() == {3})
    assert [line for line in system.log if " refused " in line] == []


def test_a_stolen_pointer_key_ships_nothing_new_and_is_taken_away(system: System, tmp_path: Path) -> None:
    context = system.context
    first, second = system.push(3000), system.push(4000)
    system.start_fleet(3)
    system.settle(first, second)
    stolen = held(context, "pointer")

    # The thief's own content: he points at it, and nobody with the bundle key ever said that it exists.
    evil = build("127.0.0.1:6666", environments=("dev",))
    context.store.put(layout.bundle("acme", "shop", evil.digest), evil.blob)
    with session.writing():
        Bundle.create(
            organization="acme", project="shop", digest=evil.digest, length=len(evil.tar),
            blob_sha256=evil.blob_sha256, blob_length=len(evil.blob), commit="1" * 40, compiler="c",
            created_at=clock.now(), environments={},
        )  # fmt: skip
    system.serve_instead(
        _placed(context, system.pointer(evil.digest, sequence=900), stolen), evil.statement, 1
    )
    system.settle(second, condition=system.refused("E-VER-012", 900))
    payload = dsse.read_envelope(system.statement(second), "it", limit=LIMITS.statement).payload
    his = replace(
        decode_statement(payload), tar_sha256=evil.digest.removeprefix("sha256:"), tar_length=len(evil.tar),
        blob_sha256=evil.blob_sha256, blob_length=len(evil.blob),
    )  # fmt: skip
    forged = sign_statement(his, stolen)
    system.serve_instead(_placed(context, system.pointer(evil.digest, sequence=901), stolen), forged, 1)
    system.settle(second, condition=system.refused("E-VER-012", 901))

    # What was signed once he can bring back, and no more.
    back = _placed(context, system.pointer(first, sequence=5000), stolen)
    system.serve_instead(back, system.statement(first), 1)
    system.settle(second, first, condition=lambda nodes: {node.sequence for node in nodes} == {5000})
    system.serve_honestly()

    # The key is revoked, and the epoch raised over his sequence numbers: every node comes back.
    public = use_key(context, "pointer", tmp_path / "pointer-2.key")
    publish_next_root(
        context,
        expires=clock.now().replace(microsecond=0) + YEAR,
        add={"pointer": (public,)},
        revoke=(dsse.keyid(bytes(stolen.verify_key)),),
        epoch=1,
    )
    system.sign_again()
    system.settle(first, second, condition=lambda nodes: system.root_versions() == {2})

    # Nothing of his counts any more, also when he hides the root that took the key away.
    for root_version, epoch, sequence in ((2, 2, 9000), (1, 1, 9001)):
        later = logged(system.pointer(first, sequence=sequence, epoch=epoch), stolen)
        system.serve_instead(sign_pointer(later, stolen), system.statement(first), root_version)
        system.settle(second, condition=system.refused("E-VER-003", sequence))
    system.serve_honestly()
    third = system.push(5000)
    system.settle(second, third)


def test_an_expired_root_keeps_a_fleet_serving_until_it_is_renewed(system: System) -> None:
    context = system.context
    first = system.push(3000)
    system.start_fleet(2)
    system.settle(first)
    publish_next_root(context, expires=clock.now().replace(microsecond=0) + timedelta(seconds=8))
    system.sign_again()
    system.settle(first, condition=lambda nodes: system.root_versions() == {2})
    while clock.now() < context.roots.newest.expires:  # type: ignore[union-attr]
        time.sleep(0.1)
    # Somebody serves a pointer that was signed in time, and it is not taken any more.
    pointer = _placed(context, system.pointer(first, sequence=900), held(context, "pointer"))
    system.serve_instead(pointer, system.statement(first), 2)
    deadline = time.monotonic() + 60
    while True:
        with session.reading():
            nodes = list(Node.select())
        if system.refused("E-VER-008", 900)(nodes):
            break
        assert time.monotonic() < deadline, [node.refusal for node in nodes]
        time.sleep(0.1)
    assert {(node.running, node.health) for node in nodes} == {(first, "healthy")}
    system.serve_honestly()
    publish_next_root(context, expires=clock.now().replace(microsecond=0) + YEAR)
    second = system.push(4000)
    system.settle(first, second)
    assert system.root_versions() == {3}


def _placed(context: Context, pointer: SignedPointer, key: SigningKey) -> bytes:
    """The pointer, an entry of the log like any other, signed by whoever holds `key`."""
    (found,) = place(context, [pointer.leaf])
    return sign_pointer(replace(pointer, log=found), key)
