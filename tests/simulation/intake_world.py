"""Pushes to repositories of every forge, whose deliveries get lost, repeated, late, out of order and cut off, and the
real receiver, sweep and look at a repository, on a real database. Git is a table of branches."""

from __future__ import annotations

import itertools
import random
import sys
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

from reconciler.config.installation import Connection, Installation, KeyUris, Organization, Project
from reconciler.db import session
from reconciler.db.intake import Gap, Repository
from reconciler.db.migrate import migrate
from reconciler.db.models import Commit, Environment
from reconciler.db.owed import claim, due, finish
from reconciler.flows.context import Context
from reconciler.flows.intake import repository
from reconciler.jobs.sweep import Sweeper, repositories_of
from reconciler.settings import Settings, read_settings
from reconciler.store.filesystem import FileStore
from tests.forges.dialects import DIALECTS
from tests.forges.dialects.speaking import NONE, Change, Delivery, Dialect, Repo
from webhooks.held import HeldSecrets
from webhooks.problems import Problem
from webhooks.receiving import Receiving

START = datetime(2026, 11, 23, 20, 0, tzinfo=UTC)
KEYS = KeyUris(("file:b",), ("file:p",), ("file:c",))


class Sent(dict[str, str]):
    def get(self, key: str, default: str = "") -> str:  # type: ignore[override]
        return next((value for name, value in self.items() if name.lower() == key.lower()), default)


class Branches:
    """Stands for a mirror: the branches of a forge's repository as they are."""

    def __init__(self) -> None:
        self.heads: dict[str, str] = {}
        self.fetches = 0

    def fetch(self) -> dict[str, str]:
        self.fetches += 1
        return dict(sorted(self.heads.items()))

    def refs(self) -> dict[str, str]:
        return dict(sorted(self.heads.items()))

    def is_ancestor(self, before: str, after: str) -> bool:
        return True


@dataclass
class IntakeWorld:
    """One project on each forge. `lost` has the pushes of which nothing arrived, `trail` where each branch stood."""

    settings: Settings
    seed: int
    now: datetime = START
    pending: list[tuple[datetime, Dialect, Delivery]] = field(default_factory=list)
    trail: dict[tuple[str, str], list[str]] = field(default_factory=lambda: defaultdict(lambda: [""]))
    lost: set[tuple[str, str, str, str]] = field(default_factory=set)
    runs: dict[tuple[str, str], int] = field(default_factory=lambda: defaultdict(int))
    commits: int = 0
    deliveries: int = 0

    def __post_init__(self) -> None:
        self.chance = random.Random(self.seed)
        self.mirrors = {label: Branches() for label in DIALECTS}
        self.projects = [
            Project(label, "acme", label, self.repo(label).clone_url, "", "", "main", label)
            for label in DIALECTS
        ]
        connections = tuple(
            Connection(label, "acme", dialect.forge, (f"env:{label.upper().replace('-', '_')}",), None)
            for label, dialect in DIALECTS.items()
        )
        self.installation = Installation(
            (Organization("acme", "Acme", KEYS, tuple(self.projects), connections),)
        )
        environ = {
            label.upper().replace("-", "_"): dialect.secret.decode() for label, dialect in DIALECTS.items()
        }
        self.receiving = Receiving(
            installed=self,  # type: ignore[arg-type]
            secrets=HeldSecrets(environ),
            wake=lambda: None,
            now=lambda: self.now,
        )
        by_url = {self.repo(label).clone_url: label for label in DIALECTS}
        self.sweeper = Sweeper(
            Path(), {}, timedelta(seconds=30), list_refs=lambda url, _: self.mirrors[by_url[url]].refs()
        )
        with session.writing():
            for label in DIALECTS:
                Environment.create(
                    organization="acme", project=label, name="dev", position=0, updated_at=START
                )

    folder = Path("/nowhere")

    def current(self) -> Installation:
        return self.installation

    @staticmethod
    def repo(label: str) -> Repo:
        return Repo(f"acme/{label}", clone_url=f"https://forge.example/acme/{label}.git")

    def push(self) -> None:
        """Somebody moves one or several branches; the forge sends what it sends, and the network does its worst."""
        label = self.chance.choice(list(DIALECTS))
        dialect, heads = DIALECTS[label], self.mirrors[label].heads
        names = ["main", "env/dev", "topic-a", "topic-b", "topic-c"]
        chosen = self.chance.sample(names, self.chance.choice([1, 1, 1, 1, 2, 4]))
        changes = []
        for name in chosen:
            ref = f"refs/heads/{name}"
            self.commits += 1
            after = f"{self.commits:040x}"
            changes.append(Change(ref, heads.get(ref, NONE), after, forced=self.chance.random() < 0.2))
            heads[ref] = after
            self.trail[label, ref].append(after)
        self.deliveries += 1
        sent = dialect.push(self.repo(label), changes, f"d-{self.deliveries}")
        told = set()
        for made in sent:
            fate = self.chance.choices(["arrives", "lost", "twice", "late", "cut"], [60, 15, 10, 10, 5])[0]
            if fate == "lost":
                continue
            later = self.now + timedelta(seconds=self.chance.choice([0, 1, 3]))
            signed = dialect.sign(made, dialect.secret, self.now)
            if fate == "cut":
                # A body that breaks off on the way no longer fits its signature; a plain secret does not notice.
                signed = replace(signed, body=signed.body[: self.chance.randrange(len(signed.body) - 1)])
            else:
                told |= {
                    ref
                    for ref in (c.ref for c in changes)
                    if ref.encode() in made.body or self._bare(ref, made)
                }
            if fate == "late":
                later += timedelta(seconds=self.chance.randrange(10, 200))
            self.pending.append((later, dialect, signed))
            if fate == "twice":
                self.pending.append((later + timedelta(seconds=self.chance.randrange(100)), dialect, signed))
        self.lost |= {
            (label, c.ref, c.before.strip("0") and c.before, c.after) for c in changes if c.ref not in told
        }

    @staticmethod
    def _bare(ref: str, made: Delivery) -> bool:
        return f'"name":"{ref.removeprefix("refs/heads/")}"'.encode() in made.body

    def step(self, seconds: float) -> None:
        """Time passes: deliveries that are due arrive, the sweep looks now and then, and what is owed is done."""
        self.now += timedelta(seconds=seconds)
        arrived = [item for item in self.pending if item[0] <= self.now]
        self.pending = [item for item in self.pending if item[0] > self.now]
        self.chance.shuffle(arrived)
        for _, dialect, made in arrived:
            try:
                self.receiving.receive(dialect.forge, dialect.label, Sent(made.headers), made.body)
            except Problem as problem:
                assert problem.status in (400, 401)  # noqa: PT017 — what was cut off or came too late.
        if self.chance.random() < 0.1:
            self.sweep()
        if self.chance.random() < 0.7:
            self.work()

    def sweep(self) -> None:
        for key, projects in repositories_of(self.installation).items():
            self.sweeper.look(self.installation, key, projects, self.now)

    def work(self) -> None:
        """Do what is owed, as a worker does; trunk and environments only note where they stand."""
        while owed := due(self.now):
            for one in owed:
                held = claim(one.organization, one.project, one.kind, one.subject, holder="w", now=self.now)
                assert held is not None
                heads = self.mirrors[one.project].heads
                if one.kind == "repository":
                    repository.run(self.context(one.project))
                elif one.kind == "trunk":
                    self._note_trunk(one.project, heads.get("refs/heads/main", ""))
                else:
                    self._note_environment(one.project, heads.get("refs/heads/env/dev", ""))
                finish(held, "changed", "", now=self.now)

    def _note_trunk(self, project: str, head: str) -> None:
        if not head:
            return
        with session.writing():
            self.runs[project, "trunk"] += 1
            Commit.insert(
                organization="acme", project=project, sha=head, position=int(head, 16), author_name="a",
                author_email="a@b", authored_at=self.now, subject="s", seen_at=self.now, state="compiled",
            ).on_conflict_ignore().execute()  # fmt: skip

    def _note_environment(self, project: str, head: str) -> None:
        with session.writing():
            self.runs[project, "environment"] += 1
            Environment.update(head=head).where(Environment.project == project).execute()

    def context(self, label: str) -> Context:
        project = next(project for project in self.projects if project.slug == label)
        return Context(
            settings=self.settings,
            installation=self.installation,
            organization=self.installation.organizations[0],
            project=project,
            environ={},
            store=FileStore(Path("/nowhere")),
            now=lambda: self.now,
            _mirror=self.mirrors[label],  # type: ignore[arg-type]
        )

    def settle(self) -> None:
        """Everything that is on its way arrives or is too late, and the sweep looks once more at least."""
        for _ in range(30):
            self.step(10)
        for _ in range(3):
            self.sweep()
            self.work()

    def check(self) -> None:
        """What must hold in the end."""
        with session.reading():
            seen = {row.connection: row.refs for row in Repository.select()}
            newest = {row.project: row.sha for row in Commit.select().order_by(Commit.position)}
            heads = {row.project: row.head for row in Environment.select()}
            open_gaps = list(Gap.select().where(Gap.explained_at.is_null()))
        assert due(self.now) == []
        for label, mirror in self.mirrors.items():
            if not mirror.heads:
                continue
            assert seen[label] == mirror.heads, label
            assert newest.get(label, "") == mirror.heads.get("refs/heads/main", ""), label
            assert heads[label] == mirror.heads.get("refs/heads/env/dev", ""), label
            trunk_pushes = len(self.trail[label, "refs/heads/main"]) - 1
            # The first look asks for trunk although nothing was pushed there yet, and no push asks more than once.
            assert self.runs[label, "trunk"] <= trunk_pushes + 1, label
        reported = [(gap.connection, gap.ref, gap.before, gap.after) for gap in open_gaps]
        # Which end belongs to which beginning cannot be known when what lies between came out of order.
        for side in (2, 3):
            found, wanted = (
                sorted((gap[0], gap[1], gap[side]) for gap in gaps) for gaps in (reported, self.expected())
            )
            assert found == wanted, "the report lists what was lost, and nothing else"

    def expected(self) -> list[tuple[str, str, str, str]]:
        """Each run of lost pushes of a branch, from the first commit that was seen at the first look."""
        found = []
        for (label, ref), stands in self.trail.items():
            first = self.first.get(label, {}).get(ref, "")
            steps = list(itertools.pairwise(stands))[stands.index(first) :]
            run: list[str] = []
            for before, after in steps:
                if (label, ref, before, after) in self.lost:
                    run = [run[0] if run else before, after]
                elif run:
                    found.append((label, ref, *run))
                    run = []
            if run:
                found.append((label, ref, *run))
        return sorted(found)  # type: ignore[arg-type]

    first: dict[str, dict[str, str]] = field(default_factory=dict)

    def begin(self) -> None:
        """The first look at each repository, before anything is pushed."""
        for label in DIALECTS:
            repository.run(self.context(label))
            self.first[label] = dict(self.mirrors[label].heads)


def play(settings: Settings, seed: int, pushes: int, more: Callable[[], bool] = lambda: True) -> IntakeWorld:
    """A whole run with its checks; it ends early, with all of its checks, once there is no `more` time."""
    world = IntakeWorld(settings, seed)
    world.begin()
    for _ in range(pushes):
        if not more():
            break
        world.push()
        world.step(world.chance.choice([0, 0, 1, 5]))
    world.settle()
    world.check()
    return world


def play_alone(seed: int, pushes: int, more: Callable[[], bool]) -> int:
    """The same on a database of its own, outside of pytest; how many pushes there was time for."""
    with TemporaryDirectory() as home:
        settings = read_settings({"SENTINEL_HOME": home})
        migrate(settings)
        session.connect(settings)
        try:
            world = play(settings, seed, pushes, more)
            return world.deliveries
        except AssertionError:
            print(f"the intake breaks with seed {seed}", file=sys.stderr)
            raise
        finally:
            session.disconnect()
