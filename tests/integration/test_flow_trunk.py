"""The trunk flow over a real git server, a real database and a real object store."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pygit2
import pytest

from reconciler.bundle import archive, verify
from reconciler.bundle.limits import LIMITS
from reconciler.bundle.pointer import Pointer, sign_pointer
from reconciler.bundle.verify import Audience, Verifier
from reconciler.cli.folder import config_files
from reconciler.config.installation import Installation, Organization, Project
from reconciler.config.source import SIGNERS
from reconciler.db import session
from reconciler.db.models import Bundle, Commit, Environment, Event, Work
from reconciler.errors import LostRace, Stalled
from reconciler.flows import roots, trunk
from reconciler.flows.compiling import Ahead
from reconciler.flows.confined import Child
from reconciler.flows.context import Context
from reconciler.flows.log import signing
from reconciler.git.identity import Identity
from reconciler.git.merging import NOBODY, merge
from reconciler.git.mirror import Mirror
from reconciler.git.writing import commit_edit, push
from reconciler.keys.uri import create_key
from reconciler.store import layout
from reconciler.store.filesystem import FileStore
from tests.integration.environment_world import ROLES, held, make_keys, publish_first_root
from tests.integration.people import ADA as ADA_WITH_A_KEY
from tests.integration.people import BOB, CAROL, DAN, Person
from tests.servers.git_http import GitServer, git_server

__all__ = ["git_server"]

ADA = Identity("Ada", "ada@example.com")
NOW = datetime(2026, 11, 23, 20, 0, tzinfo=UTC)
MIB = 1024 * 1024
TEMPLATE = Path(__file__).resolve().parents[2] / "repo-template"
ADA_AND_BOB = f"{ADA_WITH_A_KEY.signer}\n{BOB.signer}\n".encode()
GOOD = {file.path: file.content for file in config_files(TEMPLATE)}


@dataclass
class World:
    """One project with a repository that tests push to, and what the flow made of it."""

    context: Context
    writer: Mirror
    bare: Path
    heads: list[str] = field(default_factory=list)
    minutes: int = 0

    def commit(self, files: dict[str, bytes | None], parent: str | None = None) -> str:
        """A commit on top of the last one; nothing is pushed."""
        self.minutes += 1
        on = parent if parent is not None else (self.heads[-1] if self.heads else None)
        sha = commit_edit(
            self.writer, on, files, message=f"Change {self.minutes}", author=ADA, committer=ADA,
            when=datetime(2026, 1, 1, 0, self.minutes, tzinfo=UTC), key=None,
        )  # fmt: skip
        self.heads.append(sha)
        return sha

    def push(self, files: dict[str, bytes | None]) -> str:
        expected = self.writer.fetch().get("refs/heads/main")
        sha = self.commit(files)
        push(self.writer, "refs/heads/main", sha, expected)
        return sha

    def force(self, sha: str) -> None:
        bare = pygit2.Repository(str(self.bare))
        bare.references.create("refs/heads/main", sha, force=True)
        self.heads.append(sha)

    def run(self) -> str:
        outcome = trunk.run(self.context, lambda: None)
        return outcome.kind

    def commits(self) -> dict[str, str]:
        with session.reading():
            return {row.sha: row.state for row in Commit.select().order_by(Commit.position)}

    def row(self, sha: str) -> Commit:
        with session.reading():
            found: Commit = Commit.get(Commit.sha == sha)
            return found

    def kinds(self) -> list[str]:
        with session.reading():
            return [row.kind for row in Event.select().order_by(Event.id)]

    def bundles(self) -> list[Bundle]:
        with session.reading():
            return list(Bundle.select().order_by(Bundle.id))


@pytest.fixture
def world(database: Any, git_server: GitServer, tmp_path: Path) -> World:
    name = hashlib.sha256(str(tmp_path).encode()).hexdigest()[:16]
    bare, url = git_server.repository(name)
    keys = make_keys(tmp_path)
    project = Project("shop", "acme", "Shop", url, "", "", "main", None)
    organization = Organization("acme", "Acme", keys, (project,), ())
    context = Context(
        settings=database,
        installation=Installation((organization,)),
        organization=organization,
        project=project,
        environ={},
        store=FileStore(tmp_path / "objects"),
        now=lambda: NOW,
    )
    publish_first_root(context)
    return World(context, Mirror.open(tmp_path / "writer.git", url, None), bare)


def other_world(world: World, **project: Any) -> Context:
    """The same project, as another worker with a mirror of its own process would see it."""
    return replace(world.context, project=replace(world.context.project, **project), _mirror=None)


def test_a_push_becomes_a_bundle_that_a_node_accepts(world: World) -> None:
    sha = world.push(GOOD)
    assert world.run() == "changed"
    row = world.row(sha)
    assert (row.state, row.position, row.subject) == ("compiled", 1, "Change 1")
    assert [policy["name"] for policy in row.policies] == ["dev", "staging", "production"]
    (bundle,) = world.bundles()
    assert (bundle.digest, bundle.commit) == (row.digest, sha)
    store = world.context.store
    blob = store.get(layout.bundle("acme", "shop", bundle.digest), limit=LIMITS.blob)
    pointer = Pointer(
        "acme", "shop", "dev", "base", 1, 1, bundle.digest, bundle.length, bundle.blob_sha256, bundle.blob_length,
        issued=NOW, expires=NOW.replace(day=24),
    )  # fmt: skip
    root = store.get(layout.root("acme", 1), limit=LIMITS.root)
    node = Verifier(verify.first_state(root, "acme"), Audience("acme", "shop", "dev", "base"))
    (place,) = signing.place(world.context, [pointer.leaf])
    node.accept_pointer(sign_pointer(replace(pointer, log=place), held(world.context, "pointer")), now=NOW)
    files = node.accept_blob(blob)
    stated = node.accept_statement(
        store.get(layout.statement("acme", "shop", bundle.digest), limit=LIMITS.statement)
    )
    assert (stated.commit, stated.tree) == (sha, world.writer.commit(sha).tree)
    environments = ("dev", "production", "staging")
    assert {path for path in files if not path.startswith("agents/")} == {
        *(f"config/{name}/sentinel.kdl" for name in environments),
        "certificates/shop.pem",
        "manifest.json",
        "sbom.cdx.json",
    }
    assert {f"agents/{name}/waf/public.conf" for name in environments} <= set(files)
    manifest = json.loads(files["manifest.json"])
    assert manifest["environments"] == bundle.environments
    for value in bundle.environments.values():
        versions = {name: pin["version"] for name, pin in value["secrets"].items()}
        assert versions == {"partner-key": 1, "shop-key": 1}


def test_environments_get_their_place_and_owed_work(world: World) -> None:
    world.push(GOOD)
    world.run()
    with session.reading():
        rows = {row.name: row.position for row in Environment.select()}
        work = {(row.kind, row.subject): row.wanted for row in Work.select()}
    assert rows == {"dev": 0, "staging": 1, "production": 2}
    assert work == {("environment", name): 1 for name in rows} | {("resources", ""): 1, ("outlines", ""): 1}
    assert world.kinds() == ["commit.found", "bundle.published", "commit.compiled"]


def test_the_same_head_again_changes_nothing(world: World) -> None:
    world.push(GOOD)
    world.run()
    before = world.kinds()
    assert world.run() == "unchanged"
    assert world.kinds() == before
    with session.reading():
        assert {row.wanted for row in Work.select()} == {1}


def test_of_several_commits_the_head_alone_is_compiled(world: World) -> None:
    first = world.push(GOOD)
    world.run()
    second = world.commit({"README.md": b"2"})
    third = world.commit({"services/broken.kdl": b"oops"})
    fourth = world.push({"services/broken.kdl": None})
    world.run()
    assert list(world.commits().items()) == [
        (first, "compiled"),
        (second, "skipped"),
        (third, "skipped"),
        (fourth, "compiled"),
    ]
    assert fourth[:12] in world.row(third).reason


def test_a_change_of_comments_layout_or_readme_alone_is_the_same_bundle(world: World) -> None:
    first = world.push(GOOD)
    world.run()
    written = {path: content for path, content in GOOD.items() if path.endswith(".kdl")}
    moved: dict[str, bytes | None] = {
        "README.md": b"Read me",
        "all.kdl": b"// All of it.\n" + b"\n".join(written.values()),
    }
    second = world.push({**moved, **dict.fromkeys(written)})
    assert world.run() == "changed"
    (bundle,) = world.bundles()
    assert bundle.commit == first
    assert world.row(second).digest == world.row(first).digest == bundle.digest
    assert world.row(second).state == "compiled"
    assert world.kinds().count("bundle.published") == 1


def test_a_commit_with_mistakes_is_refused_with_their_places_and_touches_no_environment(world: World) -> None:
    world.push(GOOD)
    world.run()
    sha = world.push({"services/broken.kdl": b'service "x" {\n    rout "/x"\n}\n'})
    assert world.run() == "changed"
    row = world.row(sha)
    assert (row.state, row.digest) == ("refused", "")
    assert "services/broken.kdl" in {finding["path"] for finding in row.findings}
    assert all(finding["line"] for finding in row.findings if finding["path"])
    assert len(world.bundles()) == 1
    assert world.kinds()[-1] == "commit.refused"
    with session.reading():
        assert {row.wanted for row in Work.select()} == {1}
    assert world.run() == "unchanged"


def test_after_a_refused_commit_the_next_good_one_is_compiled(world: World) -> None:
    bad = world.push({"project.kdl": b"nonsense"})
    world.run()
    good = world.push(GOOD)
    world.run()
    assert world.commits() == {bad: "refused", good: "compiled"}


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_where_a_signed_trunk_is_asked_for_nothing_comes_from_anybody_unknown(world: World) -> None:
    world.context = replace(world.context, project=replace(world.context.project, signed_trunk=True))
    refs = "refs/heads/main"

    def signed(files: dict[str, bytes | None], by: Person | None, *, onto: str | None = None) -> str:
        """A commit of `by`, without a signature for nobody."""
        maker = by or DAN
        return commit_edit(
            world.writer, onto or world.writer.fetch().get(refs), files, message="Change", author=maker.identity,
            committer=maker.identity, when=NOW, key=by.key if by else None,
        )  # fmt: skip

    def pushed(sha: str, *, code: str = "") -> None:
        push(world.writer, refs, sha, world.writer.fetch().get(refs))
        world.run()
        row = world.row(sha)
        assert (row.state, [one["code"] for one in row.findings]) == (
            ("refused", [code]) if code else ("compiled", [])
        )

    pushed(signed({**GOOD, SIGNERS: ADA_AND_BOB}, None), code="E-SGN-020")
    pushed(signed({"note.md": b"1"}, BOB))
    pushed(signed({"note.md": b"2"}, ADA_WITH_A_KEY))
    # Mallory brings his own key along.
    pushed(signed({SIGNERS: ADA_AND_BOB + CAROL.signer.encode()}, CAROL), code="E-SGN-021")
    # And it is no better with a signed commit on top.
    pushed(signed({"note.md": b"3"}, ADA_WITH_A_KEY), code="E-SGN-021")
    (repaired,) = [
        row.sha for row in Commit.select().where(Commit.state == "compiled").order_by(-Commit.position)[:1]
    ]
    world.force(repaired)
    world.writer.fetch()
    # A merge needs no signature when it adds nothing to what was signed.
    topic = signed({"topic.md": b"4"}, BOB, onto=repaired)
    ours = signed({"note.md": b"5"}, ADA_WITH_A_KEY, onto=repaired)
    merged = merge(world.writer, ours, topic)
    pushed(merged.commit)
    evil = world.writer.repository.create_commit(
        None, NOBODY, NOBODY, "Merge\n", signed_tree(world, {"evil.md": b"6"}), [merged.commit, topic]
    )
    pushed(str(evil), code="E-SGN-020")


def signed_tree(world: World, files: dict[str, bytes | None]) -> pygit2.Oid:
    """The tree of trunk with these files."""
    head = world.writer.fetch()["refs/heads/main"]
    sha = commit_edit(world.writer, head, files, message="x", author=ADA, committer=ADA, when=NOW, key=None)
    return world.writer.commit_object(sha).tree_id


def test_a_symbolic_link_is_a_finding(world: World) -> None:
    base = world.push(GOOD)
    repository = world.writer.repository
    tree = repository.TreeBuilder(repository[base].peel(pygit2.Tree))
    tree.insert("link.kdl", repository.create_blob(b"/etc/passwd"), pygit2.enums.FileMode.LINK)
    who = pygit2.Signature("Ada", "ada@example.com", 0, 0)
    sha = str(repository.create_commit(None, who, who, "Link", tree.write(), [base]))
    push(world.writer, "refs/heads/main", sha, base)
    world.run()
    (finding,) = world.row(sha).findings
    assert (finding["code"], finding["path"]) == ("E-GIT-105", "link.kdl")


def test_a_project_is_one_folder_and_findings_name_the_path_in_the_repository(world: World) -> None:
    inside = {f"apps/shop/{path}": content for path, content in GOOD.items()}
    sha = world.push({**inside, "apps/other/broken.kdl": b"oops"})
    context = other_world(world, path="apps/shop")
    trunk.run(context, lambda: None)
    assert world.row(sha).state == "compiled"
    bad = world.push({"apps/shop/broken.kdl": b"oops"})
    trunk.run(context, lambda: None)
    assert {f["path"] for f in world.row(bad).findings} == {"apps/shop/broken.kdl"}


def test_the_path_of_the_folder_does_not_reach_the_digest(world: World) -> None:
    first = world.push(GOOD)
    world.run()
    second = world.push(
        {**{f"apps/{path}": content for path, content in GOOD.items()}, **dict.fromkeys(GOOD)}
    )
    trunk.run(other_world(world, path="apps"), lambda: None)
    assert world.row(first).digest == world.row(second).digest != ""


def test_an_unknown_trunk_is_for_a_person(world: World) -> None:
    world.push(GOOD)
    with pytest.raises(Stalled, match="'release'") as caught:
        trunk.run(other_world(world, trunk="release"), lambda: None)
    assert caught.value.code == "E-TRK-001"


def test_a_rewritten_trunk_is_followed_and_said(world: World) -> None:
    base = world.push(GOOD)
    world.run()
    gone = world.push({"README.md": b"gone"})
    world.run()
    new = world.commit({"README.md": b"new"}, parent=base)
    push(world.writer, "refs/heads/side", new, None)
    world.force(new)
    assert world.run() == "changed"
    assert [(sha, world.row(sha).position) for sha in (base, gone, new)] == [(base, 1), (gone, 2), (new, 3)]
    assert world.row(new).state == "compiled"
    with session.reading():
        event = Event.get(Event.kind == "trunk.rewritten")
    assert (event.details, event.subject) == ({"from": gone, "to": new}, new)


def test_trunk_set_back_to_a_known_commit_makes_it_the_newest_again(world: World) -> None:
    base = world.push(GOOD)
    world.run()
    world.push({"README.md": b"two"})
    world.run()
    world.force(base)
    assert world.run() == "changed"
    assert list(world.commits())[-1] == base
    assert world.row(base).state == "compiled"
    with session.reading():
        assert {row.wanted for row in Work.select()} == {3}
    assert world.run() == "unchanged"
    with session.reading():
        assert {row.wanted for row in Work.select()} == {3}


def test_trunk_set_back_to_a_skipped_commit_compiles_it(world: World) -> None:
    skipped = world.commit(GOOD)
    world.push({"README.md": b"two"})
    world.run()
    assert world.row(skipped).state == "skipped"
    world.force(skipped)
    assert world.run() == "changed"
    assert (world.row(skipped).state, list(world.commits())[-1]) == ("compiled", skipped)


def test_an_old_look_is_no_rewriting(world: World) -> None:
    old = world.push(GOOD)
    world.run()
    new = world.push({"README.md": b"two"})
    world.run()
    late = trunk.State(world.context, head=world.writer.commit(old))
    with pytest.raises(LostRace) as caught:
        trunk.locate(late)
    assert caught.value.code == "E-TRK-008"
    assert list(world.commits()) == [old, new]
    assert "trunk.rewritten" not in world.kinds()


def test_the_head_that_nobody_compiled_is_skipped_when_a_newer_one_comes(world: World) -> None:
    first = world.push(GOOD)
    dies_after(world, trunk.locate)
    assert world.row(first).state == "found"
    second = world.push({"README.md": b"two"})
    world.run()
    assert world.commits() == {first: "skipped", second: "compiled"}


def dies_after(world: World, step: trunk.Step) -> None:
    """Run the steps up to and with `step`, as a worker does that is killed then."""
    state = trunk.State(world.context)
    for each in trunk.STEPS:
        each(state)
        if each is step:
            return
    raise AssertionError("no such step")


@pytest.mark.parametrize("step", trunk.STEPS[:-1], ids=lambda step: step.__name__)
def test_a_run_that_dies_anywhere_is_taken_up_by_the_next(world: World, step: trunk.Step) -> None:
    sha = world.push(GOOD)
    dies_after(world, step)
    assert world.run() == "changed"
    assert world.row(sha).state == "compiled"
    assert len(world.bundles()) == 1
    assert world.kinds() == ["commit.found", "bundle.published", "commit.compiled"]
    stored = list(world.context.store.list(""))
    (bundle,) = world.bundles()
    assert len([key for key in stored if layout.bare(bundle.digest) in key]) == 2, (
        "its blob and its statement"
    )
    private = [key for key in stored if key.startswith(layout.project("acme", "shop"))]
    assert private == [key for key in stored if key.startswith(layout.secrets("acme", "shop"))]
    assert len(private) == 18


def test_two_runs_at_once_end_with_one_of_everything(world: World) -> None:
    sha = world.push(GOOD)
    other = other_world(world)
    first, second = trunk.State(world.context), trunk.State(other)
    for step in trunk.STEPS:
        step(first)
        if second.outcome is None:
            step(second)
    assert first.outcome is not None
    assert second.outcome is not None
    assert (first.outcome.kind, second.outcome.kind) == ("changed", "unchanged")
    assert world.commits() == {sha: "compiled"}
    assert world.kinds() == ["commit.found", "bundle.published", "commit.compiled"]
    with session.reading():
        assert {row.wanted for row in Work.select()} == {1}


def test_a_renewal_stands_between_the_steps(world: World) -> None:
    world.push(GOOD)
    renewals: list[int] = []
    trunk.run(world.context, lambda: renewals.append(1))
    assert len(renewals) == len(trunk.STEPS) - 1


def test_keys_are_loaded_when_no_child_is_there(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    alive: set[int] = set()
    seen: list[int] = []
    begin, end, load = Child.__init__, Child.end, roots.load_key

    def begun(child: Child, *arguments: Any, **options: Any) -> None:
        begin(child, *arguments, **options)
        alive.add(id(child))

    def ended(child: Child) -> int:
        alive.discard(id(child))
        return end(child)

    def loaded(*arguments: Any, **options: Any) -> Any:
        seen.append(len(alive))
        return load(*arguments, **options)

    monkeypatch.setattr(Child, "__init__", begun)
    monkeypatch.setattr(Child, "end", ended)
    monkeypatch.setattr(roots, "load_key", loaded)
    world.push(GOOD)
    world.run()
    world.push({"notes.kdl": b"// Nothing but a comment.\n"})
    world.run()
    assert seen
    assert set(seen) == {0}
    assert not alive


def test_a_push_goes_on_where_a_child_is_ahead(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    used: list[bool] = []
    go_on = Ahead.go_on

    def noted(ahead: Ahead, *arguments: Any) -> Child | None:
        child = go_on(ahead, *arguments)
        used.append(child is not None)
        return child

    monkeypatch.setattr(Ahead, "go_on", noted)
    first = world.push(GOOD)
    assert (world.run(), used) == ("changed", [])
    second = world.push({"notes.kdl": b"// Nothing but a comment.\n"})
    assert (world.run(), used) == ("changed", [True])
    assert world.commits() == {first: "compiled", second: "compiled"}
    assert world.run() == "unchanged"
    assert used == [True]


def test_a_refused_commit_needs_no_key_at_all(world: World, tmp_path: Path) -> None:
    for role in ROLES:
        (tmp_path / f"{role}.key").unlink()
    world.push({"project.kdl": b"nonsense"})
    assert world.run() == "changed"


def test_another_bundle_key_than_the_roots_stalls_and_heals(world: World, tmp_path: Path) -> None:
    sha = world.push(GOOD)
    (tmp_path / "bundle.key").rename(tmp_path / "right.key")
    create_key(tmp_path / "bundle.key")
    with pytest.raises(Stalled) as caught:
        world.run()
    assert caught.value.code == "E-KEY-007"
    assert world.row(sha).state == "found"
    (tmp_path / "right.key").replace(tmp_path / "bundle.key")
    assert world.run() == "changed"


def test_a_blob_that_was_made_by_another_version_of_the_library_stays(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.push(GOOD)
    with monkeypatch.context() as patch:
        patch.setattr(archive, "LEVEL", 3)
        dies_after(world, trunk.store_blob)
    world.run()
    (bundle,) = world.bundles()
    blob = world.context.store.get(layout.bundle("acme", "shop", bundle.digest), limit=LIMITS.blob)
    assert (bundle.blob_sha256, bundle.blob_length) == (hashlib.sha256(blob).hexdigest(), len(blob))
    assert blob != archive.compress(archive.decompress(blob))


@pytest.mark.parametrize(
    ("key", "code"),
    [(layout.bundle, "E-TRK-006"), (layout.statement, "E-TRK-007")],
    ids=["blob", "statement"],
)
def test_something_else_under_the_digest_stalls(world: World, key: Callable[..., str], code: str) -> None:
    world.push(GOOD)
    world.run()
    (bundle,) = world.bundles()
    with session.writing():
        Commit.update(state="found").execute()
    world.context.store.replace(key("acme", "shop", bundle.digest), b"planted")
    with pytest.raises(Stalled) as caught:
        world.run()
    assert caught.value.code == code


def test_a_statement_for_another_commit_that_came_first_counts(world: World) -> None:
    sha = world.push(GOOD)
    world.run()
    world.push({"README.md": b"two"})
    state = trunk.State(world.context)
    for step in trunk.STEPS[:-1]:
        step(state)
    assert state.stored is not None
    assert state.stored.commit == sha
