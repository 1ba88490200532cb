"""A pull request on every forge: planned over real git, told over real HTTP, once and in the forge's own words."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from reconciler.bundle.build import BuiltBundle
from reconciler.config.egress import EgressRules
from reconciler.config.installation import Connection, Installation, KeyUris, Organization, Project
from reconciler.config.source import SourceFile
from reconciler.db import session
from reconciler.db.forge import Outgoing, Pull
from reconciler.db.intake import Receipt
from reconciler.db.models import Commit, Environment, Event, Node, Rollout
from reconciler.db.owed import claim, due, finish
from reconciler.errors import NotYet, ReconcilerError, Stalled, Transient
from reconciler.flows import vouching
from reconciler.flows.compiling import build_confined, read_project
from reconciler.flows.context import Context
from reconciler.flows.envbranch import CommitKeys
from reconciler.flows.intake import redelivery, repository
from reconciler.flows.pulls import feedback, pull, telling
from reconciler.git.mirror import Identity, Mirror
from reconciler.git.writing import commit_edit, push
from reconciler.store.filesystem import FileStore
from tests.forges import server as forges
from tests.forges.server import Fault, serving_api
from tests.servers.git_http import GitServer, git_server
from tests.unit.plan.planned import COMMON, service

__all__ = ["git_server"]

ADA = Identity("Ada", "ada@example.com")
START = datetime(2026, 11, 24, 20, 0, tzinfo=UTC)
FORGES = sorted(forges.ROUTES)
SQLITE = pytest.mark.parametrize("database", ["sqlite"], indirect=True)
"""For what has nothing to do with the database."""


class World:
    """One project on one forge, a person who pushes, and a worker."""

    def __init__(self, settings: Any, folder: Path, url: str, kind: str, api: str) -> None:
        self.now = START
        project = Project("shop", "acme", "Shop", url, "", "", "main", "origin")
        connection = Connection(
            "origin",
            "acme",
            kind,
            ("env:SECRET",),
            "env:TOKEN",
            api,
            "eu",
            receiver="https://hooks.example/a",
        )
        organization = Organization(
            "acme", "Acme", KeyUris(("file:b",), ("file:p",), ("file:c",)), (project,), (connection,)
        )
        self.context = Context(
            settings=settings,
            installation=Installation((organization,), EgressRules(("127.0.0.0/8",))),
            organization=organization,
            project=project,
            environ={"TOKEN": f"{forges.USER}:{forges.TOKEN}"},
            store=FileStore(folder / "objects"),
            now=lambda: self.now,
        )
        self.writer = Mirror.open(folder / "writer.git", url, None)
        self.pushes = 0
        self.push(
            "main",
            {
                "common.kdl": "".join(COMMON).encode(),
                "a.kdl": service("a").encode(),
                "b.kdl": service("b").encode(),
            },
        )

    def push(self, branch: str, files: dict[str, bytes | None], onto: str | None = None) -> str:
        ref = f"refs/heads/{branch}"
        before = self.writer.fetch().get(ref)
        self.pushes += 1
        when = START + timedelta(minutes=self.pushes)
        parent = onto or before
        sha = commit_edit(
            self.writer, parent, files, message="Change", author=ADA, committer=ADA, when=when, key=None
        )
        push(self.writer, ref, sha, before)
        return sha

    @property
    def main(self) -> str:
        return self.writer.fetch()["refs/heads/main"]

    def plan(self, number: int = 7) -> str:
        return pull.run(self.context, str(number), lambda: None).because

    def tell(self) -> str:
        """Until there is nothing to tell any more; time passes where the forge wants a pause."""
        for _ in range(20):
            outcome = telling.run(self.context, lambda: None)
            if outcome.look_again_at is None:
                return outcome.because
            self.now = outcome.look_again_at
        raise AssertionError("it never came to an end")

    def waiting(self) -> int:
        with session.reading():
            return Outgoing.select().where(Outgoing.wanted != Outgoing.sent, Outgoing.problem == "").count()


@pytest.fixture
def build(
    git_server: GitServer, tmp_path: Path
) -> Iterator[Callable[[Any, str], tuple[World, forges.Forge]]]:
    with ExitStack() as stack:

        def made(settings: Any, kind: str) -> tuple[World, forges.Forge]:
            name = hashlib.sha256(str(tmp_path).encode()).hexdigest()[:12]
            _, url = git_server.repository(name)
            forge, api = stack.enter_context(serving_api(kind, name))
            return World(settings, tmp_path, url, kind, api), forge

        yield made


@pytest.fixture
def world(
    database: Any, build: Callable[[Any, str], tuple[World, forges.Forge]]
) -> tuple[World, forges.Forge]:
    return build(database, "github")


def contexts(forge: forges.Forge, sha: str) -> dict[str, str]:
    return {context: state for (commit, context), state in forge.statuses.items() if commit == sha}


GREEN = {"sentinel/eu/shop/validate": "success", "sentinel/eu/shop/plan": "success"}


@pytest.mark.parametrize("kind", FORGES)
def test_a_pull_request_is_told_what_it_would_do(
    database: Any, build: Callable[[Any, str], tuple[World, forges.Forge]], kind: str
) -> None:
    world, forge = build(database, kind)
    head = world.push("topic", {"b.kdl": None}, world.main)
    forge.pulls[7] = forges.Pull(head)
    assert world.plan() == f"{head[:12]} into {world.main[:12]}: shop: ready"
    world.tell()
    assert contexts(forge, head) == GREEN
    (note,) = forge.notes[7]
    assert note.author == forges.USER
    first, second, *_ = note.body.splitlines()
    assert first == "<!-- sentinel:pr:eu:shop:7 v1 -->"
    assert second.startswith("### ⚠️ Look twice · 2 of 2 environments change")
    assert "- route `b` — `dev`, `production`" in note.body
    # Another commit: the same comment says it, and nothing is said twice.
    broken = world.push("topic", {"c.kdl": b"nonsense\n"})
    forge.pulls[7].head = broken
    world.plan()
    world.tell()
    assert contexts(forge, broken) == dict.fromkeys(GREEN, "failure")
    (edited,) = forge.notes[7]
    assert (edited.id, edited.body.splitlines()[1]) == (
        note.id,
        "### ❌ Refused · 1 error; no environment will change",
    )
    assert "`c.kdl:1:1`" in edited.body
    if kind.startswith("bitbucket"):
        (report,) = (one for (sha, _), one in forge.reports.items() if sha == broken)
        assert (report.good, report.lines[0][:3]) == (False, ("c.kdl", 1, "HIGH"))
    asked = len(forge.requests)
    assert world.plan().endswith("planned before")
    assert world.tell() == "0 things were told"
    assert len(forge.requests) == asked + 1, "nothing but the look at the pull request"


@pytest.mark.parametrize("kind", FORGES)
def test_a_comment_of_ours_is_found_when_the_answer_got_lost(
    database: Any, build: Callable[[Any, str], tuple[World, forges.Forge]], kind: str
) -> None:
    world, forge = build(database, kind)
    head = world.push("topic", {"b.kdl": None}, world.main)
    forge.pulls[7] = forges.Pull(head)
    mark = "<!-- sentinel:pr:eu:shop:7 v1 -->"
    for n in range(120):
        forge.write_note(7, "mallory", f"{mark} and {n} comments of somebody else")
    world.plan()
    world.tell()
    mine = [note for note in forge.notes[7] if note.author == forges.USER]
    assert len(mine) == 1
    with session.writing():
        # As if the process had died between the forge's answer and writing it down.
        Outgoing.update(sent="", remote="").where(Outgoing.kind == "note").execute()
    world.now += timedelta(minutes=1)
    world.tell()
    assert [note.id for note in forge.notes[7] if note.author == forges.USER] == [mine[0].id]


def test_a_lost_answer_writes_no_second_comment(world: tuple[World, forges.Forge]) -> None:
    ours, forge = world
    forge.pulls[7] = forges.Pull(ours.push("topic", {"b.kdl": None}, ours.main))
    ours.plan()
    forge.faults = [Fault(lost=True, methods=("POST",)) for _ in range(3)]
    troubles = 0
    for _ in range(10):
        try:
            ours.tell()
            break
        except Transient:
            troubles += 1
    assert troubles == 3
    assert len(forge.notes[7]) == 1
    assert ours.waiting() == 0


def test_a_forge_that_wants_a_pause_gets_it(world: tuple[World, forges.Forge]) -> None:
    ours, forge = world
    forge.pulls[7] = forges.Pull(ours.push("topic", {"b.kdl": None}, ours.main))
    ours.plan()
    forge.faults = [Fault(429, {"Retry-After": "90"}, methods=("POST",))]
    with pytest.raises(NotYet) as caught:
        telling.run(ours.context, lambda: None)
    assert caught.value.after == timedelta(seconds=90)
    asked = len(forge.requests)
    outcome = telling.run(ours.context, lambda: None)
    assert outcome.look_again_at == START + timedelta(seconds=90)
    assert len(forge.requests) == asked, "it is left alone"
    ours.now = START + timedelta(seconds=90)
    ours.tell()
    assert ours.waiting() == 0


def test_connections_with_the_same_credentials_share_what_the_forge_takes(
    world: tuple[World, forges.Forge],
) -> None:
    ours, forge = world
    forge.pulls[7] = forges.Pull(ours.push("topic", {"b.kdl": None}, ours.main))
    # An answer to a look counts as well as one to what is told, and the longest pause holds.
    for seconds in ("90", "5"):
        forge.faults = [Fault(429, {"Retry-After": seconds}, methods=("GET",))]
        with pytest.raises(NotYet):
            ours.plan()
    ours.plan()

    def beside(credentials: str) -> Context:
        assert ours.context.connection is not None
        second = replace(ours.context.connection, slug="second", credentials=credentials)
        organization = replace(ours.context.organization, slug="other", connections=(second,))
        return replace(
            ours.context,
            organization=organization,
            installation=Installation((organization,), ours.context.installation.egress),
            project=replace(ours.context.project, organization="other", connection="second"),
            environ={**ours.context.environ, "OTHER": ours.context.environ["TOKEN"]},
        )

    with session.writing():
        Outgoing.update(organization="other").execute()
    asked = len(forge.requests)
    outcome = telling.run(beside("env:TOKEN"), lambda: None)
    assert (outcome.kind, outcome.look_again_at) == ("waiting", START + timedelta(seconds=90))
    assert len(forge.requests) == asked
    assert telling.run(beside("env:OTHER"), lambda: None).kind != "unchanged"
    assert len(forge.requests) > asked


def test_trunk_that_moves_makes_a_plan_old(world: tuple[World, forges.Forge]) -> None:
    """What was green is pending in the transaction in which it is planned again, and is red when it no longer fits."""
    ours, forge = world
    repository.run(ours.context)
    head = ours.push("topic", {"c.kdl": service("c").encode()}, ours.main)
    forge.pulls[7] = forges.Pull(head)
    ours.plan()
    ours.tell()
    assert contexts(forge, head) == GREEN
    ours.push("main", {"d.kdl": service("c").encode()})
    repository.run(ours.context)
    assert ("shop", "pull", "7") in {(one.project, one.kind, one.subject) for one in due(START)}
    assert ours.plan().endswith("shop: refused")
    ours.tell()
    assert contexts(forge, head) == dict.fromkeys(GREEN, "failure")


@SQLITE
def test_what_trunk_will_not_let_in_unsigned_is_refused_before_it_is_merged(
    world: tuple[World, forges.Forge], monkeypatch: pytest.MonkeyPatch
) -> None:
    ours, forge = world
    monkeypatch.setattr(vouching, "commit_keys", lambda context: CommitKeys(()))
    ours.context.project = replace(ours.context.project, signed_trunk=True)
    organization = replace(ours.context.organization, projects=(ours.context.project,))
    ours.context.installation = replace(ours.context.installation, organizations=(organization,))
    head = ours.push("topic", {"b.kdl": None}, ours.main)
    forge.pulls[7] = forges.Pull(head)
    assert ours.plan().endswith("shop: refused")
    ours.tell()
    assert contexts(forge, head) == dict.fromkeys(GREEN, "failure")
    assert f"commit {head[:12]} by Ada ('Change') is not signed" in forge.notes[7][0].body


@SQLITE
@pytest.mark.parametrize("inside", [True, False])
def test_what_a_plan_found_out_trunk_need_not_find_out_again(
    world: tuple[World, forges.Forge], inside: bool
) -> None:
    """But for what comes from a fork: nobody writes there what trunk reads."""
    ours, forge = world
    head = ours.push("topic", {"c.kdl": service("c").encode()}, ours.main)
    forge.pulls[7] = forges.Pull(head, inside=inside)
    ours.plan()
    files, _ = read_project(ours.context.mirror, head, "")
    known = ours.context.compile_cache().known(files)
    assert set(known) == ({file.content for file in files} if inside else set())
    # What is on trunk after the merge is what was planned, to the byte.
    with session.reading():
        assert built(ours, files).digest[7:19] in Pull.get().text


def built(ours: World, files: tuple[SourceFile, ...]) -> BuiltBundle:
    """The bundle of these files, with what is known of them."""
    cache = ours.context.compile_cache()
    _, bundle, _ = build_confined(files, now=START, former=None, cache=cache)
    assert bundle is not None
    return bundle


def test_a_plan_that_was_overtaken_says_nothing(
    world: tuple[World, forges.Forge], monkeypatch: pytest.MonkeyPatch
) -> None:
    ours, forge = world
    old = ours.push("topic", {"b.kdl": None}, ours.main)
    forge.pulls[7] = forges.Pull(old)
    planned = pull._plan

    def overtaken(context: Context, onto: str, head: str, **how: Any) -> Any:
        monkeypatch.setattr(pull, "_plan", planned)
        forge.pulls[7].head = ours.push("topic", {"c.kdl": b"nonsense\n"})
        ours.plan()
        return planned(context, onto, head, **how)

    monkeypatch.setattr(pull, "_plan", overtaken)
    with pytest.raises(ReconcilerError, match="E-FRG-020"):
        ours.plan()
    ours.tell()
    assert set(contexts(forge, old).values()) <= {"pending"}, "never green for what is not the head any more"
    assert "Refused" in forge.notes[7][0].body


def test_a_deleted_comment_is_written_again(world: tuple[World, forges.Forge]) -> None:
    ours, forge = world
    forge.pulls[7] = forges.Pull(ours.push("topic", {"b.kdl": None}, ours.main))
    ours.plan()
    ours.tell()
    forge.notes[7].clear()
    forge.pulls[7].head = ours.push("topic", {"c.kdl": service("c").encode()})
    ours.plan()
    ours.now += timedelta(minutes=1)
    ours.tell()
    assert len(forge.notes[7]) == 1


def test_a_closed_pull_request_is_planned_no_more(world: tuple[World, forges.Forge]) -> None:
    ours, forge = world
    forge.pulls[7] = forges.Pull(ours.push("topic", {"b.kdl": None}, ours.main))
    ours.plan()
    forge.pulls[7].open = False
    assert "is closed" in ours.plan()
    with session.reading():
        assert [row.open for row in Pull.select()] == [False]
    repository.run(ours.context)
    ours.push("main", {"d.kdl": service("d").encode()})
    repository.run(ours.context)
    assert "pull" not in {one.kind for one in due(START)}


def test_wrong_credentials_wait_for_a_person_and_lose_nothing(world: tuple[World, forges.Forge]) -> None:
    ours, forge = world
    forge.pulls[7] = forges.Pull(ours.push("topic", {"b.kdl": None}, ours.main))
    ours.plan()
    wrong = replace(ours.context, environ={"TOKEN": "bot:wr0ng-t0ken"})
    with pytest.raises(Stalled, match="E-FRG-011") as caught:
        telling.run(wrong, lambda: None)
    assert "wr0ng" not in str(caught.value)
    assert ours.waiting() == 3
    ours.tell()
    assert ours.waiting() == 0


@pytest.mark.parametrize("page", [1, 200])
def test_what_cannot_be_told_keeps_back_nothing_else(
    world: tuple[World, forges.Forge], monkeypatch: pytest.MonkeyPatch, page: int
) -> None:
    monkeypatch.setattr(telling, "PAGE", page)
    ours, forge = world
    head = ours.push("topic", {"b.kdl": None}, ours.main)
    forge.pulls[7] = forges.Pull(head)
    ours.plan()
    # The first status is of a commit that is not there any more, and comments take a right that we lack.
    forge.faults = [Fault(404, methods=("POST",)), *[Fault(403, methods=("GET",))] * 4]
    with pytest.raises(Stalled, match="E-FRG-011 the forge answered 404"):
        telling.run(ours.context, lambda: None)
    assert len(contexts(forge, head)) == 1, "the other one"
    assert ours.waiting() == 2
    forge.faults = []
    ours.tell()
    assert (contexts(forge, head), ours.waiting()) == (GREEN, 0)


def test_a_forge_that_may_not_be_asked_is_told_once_it_may(world: tuple[World, forges.Forge]) -> None:
    ours, forge = world
    forge.pulls[7] = forges.Pull(ours.push("topic", {"b.kdl": None}, ours.main))
    ours.plan()
    allowed = ours.context.installation
    ours.context.installation = replace(allowed, egress=EgressRules())
    with pytest.raises(Stalled, match="E-EGR-002"):
        ours.tell()
    assert ours.waiting() == 3
    ours.context.installation = allowed
    ours.tell()
    assert ours.waiting() == 0


def test_without_credentials_nothing_is_told(world: tuple[World, forges.Forge]) -> None:
    ours, forge = world
    connection = replace(ours.context.organization.connections[0], credentials=None)
    organization = replace(ours.context.organization, connections=(connection,))
    ours.context.installation = replace(ours.context.installation, organizations=(organization,))
    assert "no credentials" in ours.plan()
    assert forge.requests == []


def test_what_is_to_be_told_is_owed(world: tuple[World, forges.Forge]) -> None:
    ours, forge = world
    forge.pulls[7] = forges.Pull(ours.push("topic", {"b.kdl": None}, ours.main))
    ours.plan()
    held = claim("acme", "shop", "tell", holder="w", now=START)
    assert held is not None
    finish(held, "changed", "", now=START)
    assert [one.kind for one in due(START)] == []


def test_a_commit_is_told_how_far_it_has_come(world: tuple[World, forges.Forge]) -> None:
    ours, forge = world
    sha, digest = ours.main, "sha256:" + "d" * 64
    where = {"organization": "acme", "project": "shop"}
    with session.writing():
        Commit.create(
            **where, sha=sha, position=1, author_name="A", author_email="a@b", authored_at=START, subject="s",
            seen_at=START, state="compiled", digest=digest,
        )  # fmt: skip
        Commit.create(
            **where, sha="e" * 40, position=2, author_name="A", author_email="a@b", authored_at=START, subject="s",
            seen_at=START, state="refused", findings=[{"code": "E-SGN-020", "message": "it is not signed"}],
        )  # fmt: skip
        for position, name in enumerate(("dev", "production")):
            Environment.create(**where, name=name, position=position, updated_at=START)
        dev = Rollout.create(
            **where, environment="dev", name="r-0001", digest=digest, strategy="all-at-once", state="completed",
            opened_at=START,
        )  # fmt: skip
        Rollout.create(
            **where, environment="production", name="r-0001", digest=digest, strategy="rolling", state="open",
            because="batch 1 of 4", opened_at=START,
        )  # fmt: skip

    def statuses() -> dict[str, str]:
        feedback.run(ours.context)
        ours.tell()
        found = {context.rpartition("/")[2]: state for context, state in contexts(forge, sha).items()}
        assert found.pop("validate") == "success"
        return found

    assert statuses() == {"rollout:dev": "pending", "rollout:production": "pending"}, "nobody runs it yet"
    with session.writing():
        for name, environment in (("n-1", "dev"), ("n-2", "production")):
            Node.create(
                **where, id=name, environment=environment, name=name, key_sha256="", registered_at=START,
                changed_at=START, running=digest if environment == "dev" else "",
            )  # fmt: skip
    assert statuses() == {"rollout:dev": "success", "rollout:production": "pending"}
    refusal = {"code": "E-NOD-010", "message": "line 7: no upstream", "digest": digest}
    with session.writing():
        Node.update(refusal=refusal).where(Node.id == "n-2").execute()
        Rollout.update(state="superseded").where(Rollout.id == dev.id).execute()
    assert statuses() == {"rollout:dev": "success", "rollout:production": "failure"}
    assert contexts(forge, "e" * 40) == {"sentinel/eu/shop/validate": "failure"}
    assert "E-SGN-020 it is not signed" in {words for *_, words in forge.told}
    assert forge.told[-1][3] == "n-2 refused it: E-NOD-010 line 7: no upstream"
    shown = {one.environment: (one.sha, one.states[-1]) for one in forge.deployments}
    assert shown == {"dev": (sha, "inactive"), "production": (sha, "failure")}
    assert len(forge.deployments) == 2


@SQLITE
@pytest.mark.parametrize("kind", ["github", "gitlab", "forgejo"])
def test_what_failed_is_asked_for_again_where_the_forge_can_be_asked(
    database: Any, build: Callable[[Any, str], tuple[World, forges.Forge]], kind: str
) -> None:
    world, forge = build(database, kind)
    world.now = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)

    def look() -> str:
        return redelivery.run(world.context, lambda: None).because

    def told() -> list[str]:
        with session.reading():
            return [row.message for row in Event.select().where(Event.kind == "webhook.unwell")]

    # Webhooks of other installations are not ours, however much alike their addresses are.
    others = [
        forge.save_hook("", f"https://{place}/webhooks/{kind}/origin", "s")
        for place in ("staging.example/a", "hooks.example", "hooks.example:8443/a", "hooks.example/b/a")
    ]
    for other in others:
        other.attempts = [("theirs", 502)]
    assert look() == redelivery.GONE
    hook = forge.save_hook("", f"https://hooks.example/a/webhooks/{kind}/origin", "s")
    # One arrived, one came in another way, one was tried in vain three times, and six got lost.
    hook.attempts = [("fine", 202), ("seen", 502), *[("hopeless", 502)] * 3]
    hook.attempts += [(f"lost-{n}", 0 if kind == "gitlab" else 502) for n in range(6)]
    repository.run(world.context)
    with session.writing():
        Receipt.create(
            organization="acme", connection="origin", delivery="seen", event="push", repository="x", place="",
            refs={}, body_sha256="", received_at=START,
        )  # fmt: skip
    if kind not in ("github", "gitlab"):
        assert look() == "this forge delivers nothing again on demand"
        assert hook.again == []
        return
    with pytest.raises(NotYet, match="E-FRG-040"):
        look()
    assert hook.again == [5, 6, 7, 8, 9], "the oldest first, and no more at once than it takes"
    # One of them comes in; the others failed again, and are tried once more.
    hook.attempts.append(("lost-0", 202))
    hook.alert = "temporarily_disabled"
    assert look() == "5 deliveries are asked for again"
    assert look() == "1 deliveries are asked for again", "the one that was left is tried for the third time"
    assert look() == "0 deliveries are asked for again"
    assert len(told()) == {"github": 3, "gitlab": 2}[kind], "each trouble once for as long as it lasts"
    assert [other.again for other in others] == [[]] * 4


@SQLITE
def test_without_its_address_no_webhook_is_taken_for_ours(world: tuple[World, forges.Forge]) -> None:
    ours, forge = world
    assert ours.context.connection is not None
    silent = replace(ours.context.connection, receiver="")
    organization = replace(ours.context.organization, connections=(silent,))
    nameless = replace(ours.context, organization=organization, installation=Installation((organization,)))
    forge.save_hook("", "https://hooks.example/a/webhooks/github/origin", "s").attempts = [("lost", 502)]
    asked = len(forge.requests)
    assert "`receiver`" in redelivery.run(nameless, lambda: None).because
    assert len(forge.requests) == asked


@SQLITE
def test_the_end_of_a_limit_is_not_waited_for(world: tuple[World, forges.Forge]) -> None:
    ours, forge = world
    forge.pulls[7] = forges.Pull(ours.push("topic", {"b.kdl": None}, ours.main))
    ours.plan()
    ends = str(int(START.timestamp()) + 600)
    forge.always = {"X-RateLimit-Remaining": "3", "X-RateLimit-Reset": ends}
    outcome = telling.run(ours.context, lambda: None)
    assert (outcome.kind, outcome.look_again_at) == ("waiting", START + timedelta(seconds=600))
    asked = len(forge.requests)
    telling.run(ours.context, lambda: None)
    assert len(forge.requests) == asked
    forge.always = {}
    ours.now = START + timedelta(seconds=600)
    ours.tell()
    assert ours.waiting() == 0


def test_feedback_is_owed_where_somebody_can_be_told(world: tuple[World, forges.Forge]) -> None:
    ours, _ = world
    feedback.ask_for(ours.context)
    assert [one.kind for one in due(START)] == ["feedback"]
    silent = replace(ours.context, project=replace(ours.context.project, slug="other", connection=None))
    feedback.ask_for(silent)
    assert [one.project for one in due(START)] == ["shop"]
