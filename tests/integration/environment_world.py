"""One project over a real git server, database and object store, with trunk commits and nodes that tests invent."""

from __future__ import annotations

import hashlib
import itertools
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from nacl.signing import SigningKey

from reconciler.bundle import archive
from reconciler.bundle.limits import LIMITS
from reconciler.bundle.pointer import peek_pointer
from reconciler.bundle.root import Root, sign_root
from reconciler.bundle.succession import Change, first_root, next_root
from reconciler.config.installation import Installation, KeyUris, Organization, Project
from reconciler.config.policy import EnvironmentPolicy
from reconciler.db import session
from reconciler.db.models import Bundle, Commit, Environment, Event, Node, Pointer, Release, Rollout
from reconciler.fleet.cohorts import Assignment, cohort_of
from reconciler.fleet.versions import versions_of
from reconciler.flows import environment
from reconciler.flows.context import Context
from reconciler.flows.outcome import Outcome
from reconciler.flows.roots import publish_root, trusted_roots
from reconciler.git.identity import Identity
from reconciler.git.mirror import CommitInfo, Mirror
from reconciler.git.writing import commit_edit, push
from reconciler.keys.uri import create_key, load_key
from reconciler.release.render import render_release
from reconciler.release.state import Release as Wish
from reconciler.store import layout
from reconciler.store.filesystem import FileStore
from tests.servers.git_http import GitServer

ADA = Identity("Ada", "ada@example.com")
START = datetime(2026, 11, 23, 20, 0, tzinfo=UTC)
ROLES = ("bundle", "pointer", "commit", "root")


def policy(name: str, *after: str, **changes: Any) -> EnvironmentPolicy:
    """Rolling one by one, with times that suit a test."""
    found = EnvironmentPolicy(
        name=name,
        after=after,
        proxy_version="1.0",
        strategy="rolling",
        batch_percent=None,
        batch_size=1,
        max_unavailable=0,
        promote="manual" if after else "automatic",
        on_failure="rollback",
        min_healthy_seconds=0,
        progress_deadline_seconds=60,
        stale_after_seconds=30,
    )
    return replace(found, **changes)


@dataclass
class World:
    """`policies` are what the next trunk commit says. Time passes only by `wait`."""

    context: Context
    person: Mirror
    url: str
    policies: tuple[EnvironmentPolicy, ...] = (policy("dev"), policy("prod", "dev"))
    moment: datetime = START
    numbers: Any = field(default_factory=itertools.count)
    broken: set[str] = field(default_factory=set)

    def now(self) -> datetime:
        return self.moment

    def wait(self, seconds: float) -> None:
        self.moment += timedelta(seconds=seconds)

    def trunk(self, text: str, sha: str | None = None) -> tuple[str, str]:
        """A valid trunk commit that compiles to a bundle of `text`; gives its sha and the digest."""
        number = next(self.numbers)
        sha = sha or hashlib.sha1(f"{number}".encode(), usedforsecurity=False).hexdigest()
        files = {f"config/{p.name}/sentinel.kdl": f"// {text} {p.name}\n".encode() for p in self.policies}
        tar = archive.build_tar(files)
        blob, digest = archive.compress(tar), archive.digest_of(tar)
        self.context.store.put(layout.bundle("acme", "shop", digest), blob)
        version = trusted_roots(self.context).newest.version
        with session.writing():
            Bundle.insert(
                organization="acme", project="shop", digest=digest, length=len(tar),
                blob_sha256=hashlib.sha256(blob).hexdigest(), blob_length=len(blob), commit=sha, compiler="test",
                created_at=self.moment, environments={p.name: {} for p in self.policies}, root_version=version,
            ).on_conflict_ignore().execute()  # fmt: skip
            Commit.create(
                organization="acme", project="shop", sha=sha, position=number, author_name="Ada",
                author_email="ada@example.com", authored_at=self.moment, subject=f"Change to {text}",
                seen_at=self.moment, state="compiled", digest=digest,
                policies=[p.to_json() for p in self.policies],
            )  # fmt: skip
        return sha, digest

    def nodes(self, environment: str, count: int, **labels: str) -> None:
        """So many further nodes, which registered just before the present moment."""
        before = self.moment - timedelta(milliseconds=1)
        with session.writing():
            known = Node.select().where(Node.environment == environment).count()
            for number in range(known, known + count):
                Node.create(
                    id=f"{environment}-{number}", organization="acme", project="shop", environment=environment,
                    name=f"node-{number}", key_sha256="0" * 64, registered_at=before, changed_at=before,
                    labels=labels,
                )  # fmt: skip

    def report(self, environment: str) -> None:
        """Every node does what its cohort's pointer says, and reports."""
        with session.writing():
            pointers = {
                row.cohort: peek_pointer(row.envelope.encode(), limit=LIMITS.pointer)
                for row in Pointer.select().where(Pointer.environment == environment)
            }
            assignment = Assignment.from_json(self.environment(environment).assignment)
            for node in Node.select().where(Node.environment == environment):
                said = versions_of(node.versions)
                pointer = pointers.get(cohort_of(node.id, node.labels, node.registered_at, assignment, said))
                if pointer is not None:
                    assert pointer.sequence >= node.sequence, "a node was offered a lower sequence"
                    if node.running != pointer.digest:
                        node.running, node.running_since = pointer.digest, self.moment
                    node.sequence = pointer.sequence
                node.health = "unhealthy" if node.running in self.broken else "healthy"
                node.health_since = node.reported_at = self.moment
                node.save()

    def run(self, environment_name: str) -> Outcome:
        return environment.run(self.context, environment_name, lambda: None)

    def settle(self, environment_name: str, rounds: int = 12) -> Outcome:
        """Nodes report and the flow looks, again and again."""
        for _ in range(rounds):
            outcome = self.run(environment_name)
            self.wait(2)
            self.report(environment_name)
        return outcome

    def environment(self, name: str) -> Environment:
        with session.reading():
            found: Environment = Environment.get(Environment.name == name)
            return found

    def running(self, environment: str) -> set[str]:
        with session.reading():
            return {node.running for node in Node.select().where(Node.environment == environment)}

    def runs(self, environment: str, label: str) -> dict[str, set[str]]:
        """What the nodes of each value of a label run."""
        with session.reading():
            found: dict[str, set[str]] = {}
            for node in Node.select().where(Node.environment == environment):
                found.setdefault(node.labels.get(label, ""), set()).add(node.running)
            return found

    def pointers(self, environment: str) -> dict[str, tuple[int, str]]:
        with session.reading():
            rows = Pointer.select().where(Pointer.environment == environment)
            return {row.cohort: (row.sequence, row.digest) for row in rows}

    def events(self) -> list[str]:
        with session.reading():
            return [row.kind for row in Event.select().order_by(Event.id)]

    def rollouts(self, environment: str) -> dict[str, str]:
        with session.reading():
            rows = Rollout.select().where(Rollout.environment == environment).order_by(Rollout.name)
            return {row.name: row.state for row in rows}

    def releases(self, environment: str) -> list[str]:
        with session.reading():
            rows = Release.select().where(Release.environment == environment).order_by(Release.height)
            return [row.subject for row in rows]

    def head(self, environment: str) -> str | None:
        return self.person.fetch().get(f"refs/heads/env/{environment}")

    def log(self, environment: str) -> list[CommitInfo]:
        head = self.head(environment)
        assert head is not None
        return self.person.first_parents(head, limit=100, stop=None)

    def edit(self, environment: str, files: dict[str, bytes | None], message: str = "By hand") -> str:
        """A person's commit on the branch, pushed."""
        head = self.head(environment)
        sha = self.write(head, files, message)
        push(self.person, f"refs/heads/env/{environment}", sha, head)
        return sha

    def write(self, parent: str | None, files: dict[str, bytes | None], message: str = "By hand") -> str:
        return commit_edit(
            self.person, parent, files, message=message, author=ADA, committer=ADA, when=self.moment, key=None
        )

    def wish(self, environment: str, digest: str, only: str = "") -> str:
        wish = Wish(digest, why="please", by="Ada", only=only)
        return self.edit(environment, {"release.kdl": render_release(wish)})

    def read(self, environment: str, path: str) -> bytes | None:
        head = self.head(environment)
        assert head is not None
        return self.person.read_file(head, path)


def make_keys(folder: Path) -> KeyUris:
    """A new key for each role."""
    for role in ROLES:
        create_key(folder / f"{role}.key")
    return KeyUris(**{role: (f"file:{folder}/{role}.key",) for role in ROLES})


def held(context: Context, role: str) -> SigningKey:
    """The first configured key of a role."""
    return load_key(context.organization.keys.of(role)[0], folder=context.folder, environ={})


def publish_first_root(context: Context, *, expires: datetime | None = None) -> bytes:
    """Root 1 with the configured keys."""
    publics = {role: [bytes(held(context, role).verify_key)] for role in ROLES}
    root = first_root("acme", publics, expires=expires or START + timedelta(days=365))
    envelope = sign_root(root, [held(context, "root")])
    publish_root(context.store, "acme", envelope, now=START)
    return envelope


def publish_next_root(context: Context, **change: Any) -> Root:
    """The next root with a `Change`, signed by the configured root key, and published."""
    fields: dict[str, Any] = {"expires": START + timedelta(days=400), "add": {}, "remove": {}, **change}
    root = next_root(trusted_roots(context).newest, Change(**fields))
    publish_root(context.store, "acme", sign_root(root, [held(context, "root")]), now=START)
    return root


def use_key(context: Context, role: str, path: Path) -> bytes:
    """Make a new key and configure it alone for a role; its public half."""
    if not path.exists():
        create_key(path)
    keys = replace(context.organization.keys, **{role: (f"file:{path}",)})
    context.organization = replace(context.organization, keys=keys)
    return bytes(held(context, role).verify_key)


def make_world(settings: Any, server: GitServer, folder: Path) -> World:
    """An empty repository and an empty database."""
    name = hashlib.sha256(str(folder).encode()).hexdigest()[:16]
    _, url = server.repository(name)
    project = Project("shop", "acme", "Shop", url, "", "", "main", None)
    keys = make_keys(folder)
    organization = Organization("acme", "Acme", keys, (project,), ())
    context = Context(
        settings=settings,
        installation=Installation((organization,)),
        organization=organization,
        project=project,
        environ={},
        store=FileStore(folder / "objects"),
    )
    publish_first_root(context)
    world = World(context, Mirror.open(folder / "person.git", url, None), url)
    context.now = world.now
    start = world.write(None, {"README.md": b"trunk\n"})
    push(world.person, "refs/heads/main", start, None)
    return world
