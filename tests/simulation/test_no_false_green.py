"""Every interleaving of up to six events around one pull request: no commit is ever green without a plan of its own
that says so, and every path that comes to rest shows what the newest plan says.

What is told lies in a real database, and the steps are those of the flows; git and the forge are tables. States that
were reached before are not gone on from again, so the search is exhaustive and still ends.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, cast

import pytest

from reconciler.config.installation import Connection, Installation, KeyUris, Organization, Project
from reconciler.db import session
from reconciler.db.forge import ForgeBudget, Outgoing, Pull
from reconciler.db.migrate import migrate
from reconciler.db.table import database
from reconciler.errors import LostRace, Transient
from reconciler.flows.context import Context
from reconciler.flows.pulls import pull, telling
from reconciler.forge import FORGES
from reconciler.forge.calling import Api
from reconciler.forge.port import PullInfo
from reconciler.forge.request import Request
from reconciler.settings import Settings, read_settings
from reconciler.store.filesystem import FileStore
from tests.unit.plan.planned import BASE, COMMON, MERGED, NOW, plan_of, service, side

EVENTS = 6
GOOD, BAD = "a" * 40, "b" * 40
OLD, NEW = "1" * 40, "2" * 40
FINE = {(GOOD, OLD), (BAD, NEW)}
"""What can be merged into what: each head is sound on one trunk and refused on the other."""

Dump = tuple[Any, ...]


class Died(Exception):
    """The process ended here."""


@dataclass(frozen=True)
class State:
    """Everything there is: git, the forge, the database, and which plans were ever made."""

    head: str = GOOD
    trunk: str = OLD
    pushes: int = 0
    shown: tuple[tuple[tuple[str, str], str], ...] = ()
    planned: frozenset[tuple[str, str]] = frozenset()
    database: Dump = ((), ())

    def statuses(self, head: str) -> set[str]:
        return {state for (sha, _), state in self.shown if sha == head}


class World:
    def __init__(self, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
        self.state = State()
        self.shown: dict[tuple[str, str], str] = {}
        self.meanwhile: Callable[[], None] = lambda: None
        self.lose_after = 10**6
        before = side(BASE, *COMMON, service("a"))
        self.green = plan_of(before, side(MERGED, *COMMON, service("b")))
        self.red = plan_of(before, replace(before, compilation=None))
        project = Project("shop", "acme", "Shop", "https://h/x.git", "", "", "main", "origin")
        connection = Connection("origin", "acme", "github", (), None, instance="eu")
        organization = Organization("acme", "Acme", KeyUris((), (), ()), (project,), (connection,))
        self.context = Context(
            settings,
            Installation((organization,)),
            organization,
            project,
            {},
            FileStore(Path("/nowhere")),
            lambda: NOW,
        )
        monkeypatch.setattr(pull, "concerns", lambda *given: True)
        monkeypatch.setattr(pull, "_plan", self._plan)
        monkeypatch.setattr(telling, "api_of", lambda context: self)
        # The mirror is a table here: whoever opens it gets nothing.
        self.context._mirror = object()  # type: ignore[assignment]

    forge = FORGES["github"]
    user = "us"
    address = "https://api.example"
    spent: tuple[timedelta, ...] = ()

    def _plan(self, context: Context, onto: str, head: str, *, keep: bool) -> Any:
        self.meanwhile()
        self.state = replace(self.state, planned=self.state.planned | {(head, onto)})
        return self.green if (head, onto) in FINE else self.red

    def send(self, request: Request, *, now: datetime) -> Any:
        """The forge does what it is asked; the answer may get lost."""
        if request.body is not None and "state" in request.body:
            sha = request.path.rpartition("/")[2]
            self.shown[sha, request.body["context"]] = request.body["state"]
        self.lose_after -= 1
        if self.lose_after <= 0:
            raise Transient("E-FRG-013", "the answer got lost")

    def ask(self, request: Request, read: Callable[[Any], Any], *, now: datetime) -> Any:
        self.send(request, now=now)
        return "1" if request.method == "POST" else ("us" if request.path == "/user" else [])

    # Events. Each answers whether it could happen.

    def push(self) -> bool:
        if self.state.pushes >= 2:
            return False
        head = BAD if self.state.head == GOOD else GOOD
        self.state = replace(self.state, head=head, pushes=self.state.pushes + 1)
        return True

    def trunk(self) -> bool:
        if self.state.trunk == NEW:
            return False
        self.state = replace(self.state, trunk=NEW)
        return True

    def plan(self, renew: Callable[[], None] = lambda: None) -> bool:
        with suppress(LostRace, Died):
            info = PullInfo(7, True, self.state.head, "topic", "main")
            pull.plan_one(self.context, cast(Api, self), info, self.state.trunk, self.state.head, renew)
        return True

    def plan_dies(self) -> bool:
        def die() -> None:
            raise Died

        return self.plan(die)

    def plan_overtaken(self) -> bool:
        """While a plan is made, somebody pushes, and another worker plans that."""

        def overtake() -> None:
            self.meanwhile = lambda: None
            if self.push():
                self.plan()

        self.meanwhile = overtake
        self.plan()
        self.meanwhile = lambda: None
        return True

    def tell(self) -> bool:
        with suppress(Transient):
            telling.run(self.context, lambda: None)
        return True

    def tell_loses_first(self) -> bool:
        return self._tell_losing(1)

    def tell_loses_second(self) -> bool:
        return self._tell_losing(2)

    def _tell_losing(self, number: int) -> bool:
        self.lose_after = number
        self.tell()
        self.lose_after = 10**6
        return True

    EVENTS = (push, trunk, plan, plan_dies, plan_overtaken, tell, tell_loses_first, tell_loses_second)

    # The search.

    def restore(self, state: State) -> None:
        pulls, outgoing = state.database
        with session.writing():
            for table, rows in ((Pull, pulls), (Outgoing, outgoing)):
                table.delete().execute()
                for row in rows:
                    table.insert(dict(row)).execute()
            ForgeBudget.delete().execute()
        self.state, self.shown = state, dict(state.shown)

    def dump(self) -> State:
        with session.reading():
            pulls = tuple(
                self._row(row, ("number", "open", "head", "onto", "verdict"), {}) for row in Pull.select()
            )
            outgoing = tuple(
                self._row(row, ("kind", "subject", "wanted", "sent", "remote"), {"words": row.words})
                for row in Outgoing.select().order_by(Outgoing.kind, Outgoing.subject)
            )
        return replace(self.state, shown=tuple(sorted(self.shown.items())), database=(pulls, outgoing))

    def _row(self, row: Any, names: tuple[str, ...], more: dict[str, Any]) -> tuple[tuple[str, Any], ...]:
        values = {name: getattr(row, name) for name in names} | {"organization": "acme", "project": "shop"}
        if more:
            values |= {"words": Frozen(more["words"]), "changed_at": NOW}
        return tuple(values.items())


class Frozen(dict[str, str]):
    """Words of the outbox, which can be a part of a state."""

    def __hash__(self) -> int:  # type: ignore[override]
        return hash(tuple(sorted(self.items())))


def check(state: State) -> None:
    """No commit is green unless a plan of this very commit said so."""
    for head in (GOOD, BAD):
        if "success" in state.statuses(head):
            assert any(pair in FINE for pair in state.planned if pair[0] == head), state


def check_at_rest(world: World, state: State) -> None:
    """When nothing happens any more, the forge shows what merging the head into the trunk comes to."""
    world.restore(state)
    world.plan()
    world.tell()
    at_rest = world.dump()
    wanted = {"success"} if (state.head, state.trunk) in FINE else {"failure"}
    assert at_rest.statuses(state.head) == wanted, state
    check(at_rest)


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    settings = read_settings({"SENTINEL_HOME": str(tmp_path / "home")})
    migrate(settings)
    session.connect(settings)
    with session.reading():
        # Nothing here has to outlive the process.
        database.execute_sql("PRAGMA synchronous = OFF")
    yield World(settings, monkeypatch)
    session.disconnect()


@pytest.mark.timeout(600)
def test_no_path_of_six_events_ends_in_a_false_green(world: World) -> None:
    seen: set[State] = {State()}
    frontier = [State()]
    for _ in range(EVENTS):
        following = []
        for state in frontier:
            for event in World.EVENTS:
                world.restore(state)
                if not event(world):
                    continue
                reached = world.dump()
                if reached not in seen:
                    seen.add(reached)
                    following.append(reached)
                    check(reached)
        frontier = following
    assert len(seen) > 200
    for state in seen:
        check_at_rest(world, state)


def test_the_search_would_notice(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """A plan that greets every commit with green is found out within two events."""
    monkeypatch.setattr(
        pull, "pending", lambda instance, project: pull.of_plan(world.green, instance, project)
    )
    world.plan_dies()
    world.tell()
    with pytest.raises(AssertionError):
        check(world.dump())
