"""One look at a repository that many projects share, over a real git server."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from reconciler.config.addresses import place
from reconciler.config.installation import Connection, Installation, KeyUris, Organization, Project
from reconciler.db import session
from reconciler.db.intake import Gap, Receipt, Repository
from reconciler.db.models import Commit, Environment
from reconciler.db.owed import ask, claim, due, finish
from reconciler.errors import LostRace
from reconciler.flows.branches import branches
from reconciler.flows.context import Context
from reconciler.flows.intake import repository
from reconciler.git.mirror import Identity, Mirror
from reconciler.git.writing import commit_edit, push
from reconciler.store.filesystem import FileStore
from tests.servers.git_http import GitServer, git_server

__all__ = ["git_server"]

NOW = datetime(2026, 11, 23, 20, 0, tzinfo=UTC)
ADA = Identity("Ada", "ada@example.com")
MANY = 500
KEYS = KeyUris(("file:b",), ("file:p",), ("file:c",))


class World:
    """A repository with a folder for each project, and a person who pushes."""

    def __init__(
        self, settings: Any, url: str, folder: Path, monkeypatch: pytest.MonkeyPatch, many: int
    ) -> None:
        self.fetches = 0
        projects = tuple(
            Project(f"p{n:03}", "acme", f"p{n:03}", url, f"teams/p{n:03}", f"p{n:03}/", "main", "origin")
            for n in range(many)
        )
        connection = Connection("origin", "acme", "github", ("env:SECRET",), None)
        organization = Organization("acme", "Acme", KEYS, projects, (connection,))
        self.context = Context(
            settings=settings,
            installation=Installation((organization,)),
            organization=organization,
            project=projects[0],
            environ={},
            store=FileStore(folder / "objects"),
            now=lambda: NOW,
        )
        self.writer = Mirror.open(folder / "writer.git", url, None)
        self.counted = 0
        self.deliveries = 0
        fetch = Mirror.fetch

        def counting(mirror: Mirror, *arguments: Any) -> dict[str, str]:
            if mirror is not self.writer:
                self.fetches += 1
            return fetch(mirror, *arguments)

        monkeypatch.setattr(Mirror, "fetch", counting)

    def push(self, files: dict[str, bytes | None], ref: str = "refs/heads/main", *, told: bool = True) -> str:
        before = self.writer.fetch().get(ref)
        self.counted += 1
        when = NOW.replace(minute=self.counted)
        sha = commit_edit(
            self.writer, before, files, message="Change", author=ADA, committer=ADA, when=when, key=None
        )
        push(self.writer, ref, sha, before)
        if told:
            self.tell({ref: {"before": before or "", "after": sha}})
        return sha

    def tell(self, refs: dict[str, dict[str, str]]) -> None:
        self.deliveries += 1
        with session.writing():
            Receipt.create(
                organization="acme", connection="origin", delivery=str(self.deliveries), event="push",
                place=place(self.context.project.repository), refs=refs, body_sha256="", received_at=NOW,
            )  # fmt: skip

    def look(self) -> list[tuple[str, str, str]]:
        """What one look asks for."""
        repository.run(self.context)
        return self.owed()

    def owed(self) -> list[tuple[str, str, str]]:
        found = [(one.project, one.kind, one.subject) for one in due(NOW)]
        for project, kind, subject in found:
            self.take(project, kind, subject)
        return sorted(found)

    def take(self, project: str, kind: str, subject: str = "") -> bool:
        """Claim the work and give it back as done; whether whoever asked had seen the branches."""
        held = claim("acme", project, kind, subject, holder="w", now=NOW)
        assert held is not None
        finish(held, "changed", "", now=NOW)
        return held.known


@pytest.fixture
def world(database: Any, git_server: GitServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    _, url = git_server.repository(hashlib.sha256(str(tmp_path).encode()).hexdigest()[:16])
    return World(database, url, tmp_path, monkeypatch, many=3)


def test_one_push_to_a_repository_of_five_hundred_projects_is_one_fetch(
    database: Any, git_server: GitServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, url = git_server.repository(hashlib.sha256(str(tmp_path).encode()).hexdigest()[:16])
    world = World(database, url, tmp_path, monkeypatch, MANY)
    files: dict[str, bytes | None] = {f"teams/p{n:03}/a.kdl": b"// a\n" for n in range(MANY)}
    world.push(files)
    assert len(world.look()) == MANY, "the first look asks for every project"
    world.fetches = 0
    world.push({"teams/p007/a.kdl": b"// b\n", "teams/p400/b.kdl": b"// new\n", "README": b"x"})
    repository.run(world.context)
    wanted = [(one.project, one.kind) for one in due(NOW)]
    assert wanted == [("p007", "trunk"), ("p400", "trunk")]
    for slug, _ in wanted:
        assert world.take(slug, "trunk"), "the work need not fetch again"
        project = world.context.installation.project(slug)
        assert project is not None
        other = replace(world.context, project=project, known=True)
        assert branches(other) == world.context.mirror.refs()
    assert world.fetches == 1


def test_work_fetches_when_somebody_wants_it_looked_at_now(world: World) -> None:
    world.push({"teams/p000/a.kdl": b"// a\n"})
    repository.run(world.context)
    ask("acme", "p000", "trunk", now=NOW)
    assert not world.take("p000", "trunk")
    world.fetches = 0
    branches(world.context)
    assert world.fetches == 1


def test_a_mirror_that_has_not_what_was_seen_is_fetched(world: World, tmp_path: Path) -> None:
    """Another machine has a mirror of its own, and our own pushes are newer than the last look."""
    world.push({"a": b"a"})
    repository.run(world.context)
    settings = replace(world.context.settings, home=tmp_path / "another")
    elsewhere = replace(world.context, known=True, _mirror=None, settings=settings)
    world.fetches = 0
    assert branches(elsewhere) == world.writer.fetch()
    assert world.fetches == 1


def test_a_rewritten_trunk_concerns_every_project(world: World) -> None:
    first = world.push({"teams/p000/a.kdl": b"// a\n"})
    second = world.push({"teams/p001/a.kdl": b"// a\n"})
    world.look()
    files: dict[str, bytes | None] = {"teams/p001/a.kdl": b"// a\n"}
    other = commit_edit(
        world.writer, first, files, message="Other", author=ADA, committer=ADA, when=NOW, key=None
    )
    world.writer.repository.remotes.create_anonymous(world.writer.url).push([f"+{other}:refs/heads/main"])
    world.tell({"refs/heads/main": {"before": second, "after": other}})
    assert world.look() == [(f"p00{n}", "trunk", "") for n in range(3)]


def test_environments_that_are_known_are_asked_for_by_their_branch(world: World) -> None:
    world.push({"a": b"a"})
    world.look()
    with session.writing():
        Environment.create(organization="acme", project="p001", name="dev", position=0, updated_at=NOW)
    for ref in (
        "refs/heads/p001/env/dev",
        "refs/heads/p001/env/nobody",
        "refs/heads/env/dev",
        "refs/heads/x",
    ):
        world.push({"release.kdl": b"x"}, ref)
    assert world.look() == [("p001", "environment", "dev")]


def test_a_tag_asks_for_trunk_where_the_project_listens(world: World) -> None:
    world.push({"a": b"a"})
    world.look()
    world.tell({"refs/tags/v1": {"before": "", "after": "a" * 40}})
    assert world.look() == []
    organization = world.context.organization
    listening = replace(organization.projects[1], tags=True)
    projects = (organization.projects[0], listening)
    world.context.installation = Installation((replace(organization, projects=projects),))
    world.tell({"refs/tags/v2": {"before": "", "after": "a" * 40}})
    assert world.look() == [("p001", "trunk", "")]


def test_what_nobody_told_of_is_a_gap_until_somebody_does(world: World) -> None:
    first = world.push({"a": b"a"})
    world.look()
    second = world.push({"a": b"b"}, told=False)
    world.look()
    with session.reading():
        (gap,) = Gap.select()
    assert (gap.ref, gap.before, gap.after, gap.explained_at) == ("refs/heads/main", first, second, None)
    assert gap.guess == "the delivery was lost on its way: GitHub sends each once"
    world.tell({"refs/heads/main": {"before": first, "after": second}})
    world.look()
    with session.reading():
        (gap,) = Gap.select()
    assert gap.explained_at == NOW


def test_a_connection_without_a_secret_misses_nothing(world: World) -> None:
    organization = world.context.organization
    silent = replace(organization.connections[0], secrets=())
    world.context.installation = Installation((replace(organization, connections=(silent,)),))
    world.push({"a": b"a"})
    world.look()
    world.push({"a": b"b"}, told=False)
    world.look()
    with session.reading():
        assert Gap.select().count() == 0


def test_of_two_looks_at_once_one_reads_again(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.push({"a": b"a"})
    fetch = world.context.mirror.fetch

    def overtaken() -> dict[str, str]:
        monkeypatch.undo()
        repository.run(replace(world.context, _mirror=None))
        return fetch()

    monkeypatch.setattr(world.context.mirror, "fetch", overtaken)
    with pytest.raises(LostRace, match="E-FRG-001"):
        repository.run(world.context)
    with session.reading():
        assert [row.version for row in Repository.select()] == [1]
        assert Commit.select().count() == 0
