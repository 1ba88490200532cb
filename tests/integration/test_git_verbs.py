"""The verbs that change an environment, as git clients of a real repository."""

from __future__ import annotations

import subprocess
from datetime import UTC, datetime
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from reconciler.cli.environment_verbs import (
    approve,
    hold,
    pause,
    pin,
    promote,
    resume,
    revoke,
    rollback,
    wish,
)
from reconciler.errors import ReconcilerError, Stalled
from reconciler.git.identity import Identity
from reconciler.git.mirror import Mirror
from reconciler.git.writing import commit_edit, push
from reconciler.release.branch import parse_branch
from reconciler.release.paths import quarantine_path
from reconciler.release.pins import Pin
from reconciler.release.render import render_promoted, render_quarantine, render_release, render_rollout
from reconciler.release.state import (
    Completed,
    Go,
    Ledger,
    Progress,
    Promoted,
    Quarantine,
    Release,
    Rollout,
)
from tests.servers.git_http import GitServer, git_server

__all__ = ["git_server"]

VERBS = {
    "approve": approve,
    "promote": promote,
    "rollback": rollback,
    "hold": hold,
    "pause": pause,
    "pin": pin,
    "resume": resume,
    "revoke": revoke,
}
BOT = Identity("Sentinel", "sentinel@example.com")
WHEN = datetime(2026, 1, 1, tzinfo=UTC)
A, B, C = (f"sha256:{letter * 64}" for letter in "abc")
TRUNK = {
    "environments.kdl": b'environment "dev" { }\nenvironment "staging" { after "dev"; }\n'
    b'environment "production" { after "staging"; after "canary"; }\nenvironment "canary" { after "dev"; }\n',
    "broken.kdl": b'environment "dev {',
}


def ledger(*digests: str) -> bytes:
    """The ledger of an environment that completed these digests, newest first."""
    count = len(digests)
    return render_rollout(
        Ledger(
            sequence=count,
            history=tuple(
                Completed(digest, digest[7:47], f"r-{count - index:04d}", count - index, WHEN)
                for index, digest in enumerate(digests)
            ),
        )
    )


class Shop:
    """A configuration repository, its branches, and a person with a clone."""

    def __init__(self, server: GitServer, name: str) -> None:
        self.path, self.url = server.repository(name)
        # Straight into the server's own store, which is quicker than a push.
        self.mirror = Mirror.open(self.path, self.url, None)

    def write(self, branch: str, edits: dict[str, bytes | None]) -> str:
        ref = f"refs/heads/{branch}"
        head = self.mirror.refs().get(ref)
        sha = commit_edit(
            self.mirror, head, edits, message="Setup", author=BOT, committer=BOT, when=WHEN, key=None
        )
        self.mirror.repository.references.create(ref, sha, force=True)
        return sha

    def head(self, branch: str):
        return self.mirror.commit(self.mirror.refs()[f"refs/heads/{branch}"])

    def files(self, branch: str):
        head = self.head(branch).sha
        folders = ("holds", "quarantine", "gates", "pins")
        paths = [
            "release.kdl",
            *(f"{f}/{name}" for f in folders for name in self.mirror.list_folder(head, f)),
        ]
        found = {path: self.mirror.read_file(head, path) for path in paths}
        return parse_branch({path: content for path, content in found.items() if content is not None})


@pytest.fixture
def shop(
    git_server: GitServer, tmp_path: Path, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> Shop:
    """Environments where dev completed B and A, staging and canary A; production is new. The person is in a clone."""
    shop = Shop(git_server, request.node.name.replace("[", "-").replace("]", ""))
    shop.write("main", dict(TRUNK))
    for name, digests in {"dev": (B, A), "staging": (B, A), "canary": (A,), "production": ()}.items():
        release = {"release.kdl": render_release(Release(digests[0]))} if digests else {}
        shop.write(f"env/{name}", {"rollout.kdl": ledger(*digests), **release})
    subprocess.run(["git", "clone", "-q", shop.url, tmp_path / "clone"], check=True)
    for name, value in {"user.name": "Ada Operator", "user.email": "ada@example.com"}.items():
        subprocess.run(["git", "-C", tmp_path / "clone", "config", name, value], check=True)
    monkeypatch.chdir(tmp_path / "clone")
    return shop


def call(verb: str, *arguments: str) -> Result:
    return CliRunner().invoke(VERBS[verb].command, list(arguments))


def ok(verb: str, *arguments: str) -> str:
    result = call(verb, *arguments)
    assert result.exit_code == 0, (result.output, result.exception)
    return result.output


def refused(verb: str, *arguments: str) -> ReconcilerError:
    error = call(verb, *arguments).exception
    assert isinstance(error, ReconcilerError), error
    return error


def test_promote_takes_what_every_predecessor_completed(shop: Shop) -> None:
    output = ok("promote", "production", "--why", "Release of the week")
    info = shop.head("env/production")
    assert f"pushed {info.sha[:12]} to env/production of {shop.url}" in output
    assert "The control plane judges it" in output
    assert (info.author_name, info.author_email) == ("Ada Operator", "ada@example.com")
    assert info.subject == "Promote aaaaaaaaaaaa to production"
    assert info.body == "Release of the week"
    assert info.trailer("Bundle") == A
    assert info.trailer("Commit") == "a" * 40
    assert info.trailer("Because") == "completed last in staging and canary (r-0001)"
    assert info.trailer("Actor") == "Ada Operator <ada@example.com>"
    release = shop.files("env/production").release
    assert release == Release(A, "a" * 40, "Release of the week", "Ada Operator <ada@example.com>")


def test_promote_twice_says_already(shop: Shop) -> None:
    ok("promote", "production")
    before = shop.head("env/production").sha
    assert f"production already asks for {A}" in ok("promote", "production")
    assert "staging already runs" in ok("promote", "staging")
    assert shop.head("env/production").sha == before


def test_promote_where_policy_asks_for_a_pull_request(shop: Shop) -> None:
    asks = (
        b'environment "production" { after "staging"; after "canary"; '
        b'policy { promote "manual" pull-request="people"; }; }\n'
    )
    shop.write("main", {"environments.kdl": asks})
    before = shop.head("env/production").sha
    output = ok("promote", "production", "--dry-run")
    assert "would push to promote/production/aaaaaaaaaaaa of" in output
    assert "a pull request into env/production for it; people merge it. Were it merged now:" in output
    output = ok("promote", "production", "--why", "Please")
    asked = shop.head("promote/production/aaaaaaaaaaaa")
    assert f"pushed {asked.sha[:12]} to promote/production/aaaaaaaaaaaa of" in output
    assert (shop.head("env/production").sha, asked.parents) == (before, (before,))
    assert shop.files("promote/production/aaaaaaaaaaaa").release == Release(
        A, "a" * 40, "Please", "Ada Operator <ada@example.com>"
    )
    assert "asks production for it already; if its pull request was closed" in ok("promote", "production")
    # For other nodes it is another wish for the same bundle, on top of the one before.
    ok("promote", "production", "--only", "region=eu")
    assert shop.head("promote/production/aaaaaaaaaaaa").parents == (asked.sha,)


def test_promote_into_the_first_environment_needs_git_to_know(shop: Shop) -> None:
    error = refused("promote", "dev")
    assert error.code == "E-GIT-207"
    assert "--digest" in str(error)
    shop.write("env/dev", {"promoted.kdl": render_promoted(Promoted("c" * 40, C))})
    ok("promote", "dev")
    release = shop.files("env/dev").release
    assert release is not None
    assert (release.digest, release.commit) == (C, "c" * 40)


def test_promote_by_digest_whole_or_begun(shop: Shop) -> None:
    ok("promote", "production", "--digest", C)
    assert shop.files("env/production").release == Release(C, "", "", "Ada Operator <ada@example.com>")
    ok("promote", "production", "--digest", "bbbbbbbb")
    release = shop.files("env/production").release
    assert release is not None
    assert (release.digest, release.commit) == (B, "b" * 40)
    for text in ("dddddddd", "xyz", "", "aa"):
        assert refused("promote", "production", "--digest", text).code == "E-GIT-208"


def test_a_bundle_is_revoked_everywhere_and_allowed_again(shop: Shop) -> None:
    output = ok("revoke", A, "--reason", "it leaks")
    assert "production: it will not be rolled out" in output
    assert "it is live there and keeps running" in output
    for name in ("dev", "staging", "canary", "production"):
        assert shop.files(f"env/{name}").quarantine == (Quarantine(A, "it leaks"),), name
    assert ok("revoke", A, "--reason", "it leaks").count("forbidden already") == 4
    ok("revoke", A, "--lift", "--reason", "it was another one")
    assert [shop.files(f"env/{name}").quarantine for name in ("dev", "production")] == [(), ()]
    assert "is not forbidden" in ok("revoke", A, "--lift", "--reason", "again")


def test_promote_for_later(shop: Shop) -> None:
    eight = datetime(2026, 12, 1, 8, 0, tzinfo=UTC)
    output = ok("promote", "production", "--digest", C, "--at", "2026-12-01T09:00+01:00")
    assert "at 2026-12-01T08:00:00Z" in output
    release = shop.files("env/production").release
    assert release is not None
    assert (release.digest, release.not_before) == (C, eight)
    assert "already" in ok("promote", "production", "--digest", C, "--at", "2026-12-01T08:00")
    ok("promote", "production", "--digest", C)
    release = shop.files("env/production").release
    assert release is not None
    assert release.not_before is None


def test_promote_for_some_nodes_and_then_for_all(shop: Shop) -> None:
    ok("promote", "production", "--only", "tier in (b, a)  and region=eu")
    assert shop.files("env/production").release == Release(
        A, "a" * 40, "", "Ada Operator <ada@example.com>", only="region=eu and tier in (a, b)"
    )
    subject = f"Promote {A[7:19]} to production for region=eu and tier in (a, b)"
    assert shop.head("env/production").subject == subject
    assert "already asks for" in ok("promote", "production", "--only", "region=eu and tier in (a, b)")
    assert "would push" in ok("resume", "production", "--all", "--dry-run")
    ok("resume", "production", "--all")
    wished = shop.files("env/production").release
    assert wished is not None
    assert (wished.digest, wished.only) == (A, "")
    assert "to all nodes" in shop.head("env/production").subject
    assert "already released to all" in ok("resume", "production", "--all")


def test_a_selector_that_cannot_be_read_is_a_usage_error(shop: Shop) -> None:
    result = call("promote", "production", "--only", "region=")
    assert result.exit_code == 2
    assert "column 8" in result.output
    assert call("resume", "production", "--all", "--hold", "x").exit_code == 2


def test_nodes_are_pinned_and_let_go(shop: Shop) -> None:
    pinned = ("pin", "staging", "--nodes", "region=eu", "--bundle", B[7:15], "--reason", "It leaks")
    until = "2026-12-24T18:00"
    assert "would push" in ok(*pinned, "--dry-run")
    assert shop.files("env/staging").pins == ()
    assert "page says why not" in " ".join(ok(*pinned, "--until", until, "--name", "canary").split())
    owner = "Ada Operator <ada@example.com>"
    expected = Pin("canary", B, "region=eu", (), owner, "It leaks", datetime(2026, 12, 24, 18, tzinfo=UTC))
    assert shop.files("env/staging").pins == (expected,)
    assert shop.head("env/staging").subject == f"Pin region=eu in staging to {B[7:19]}"
    assert "already has this pin" in ok(*pinned, "--until", until, "--name", "canary")
    assert "has no pin 'other'; it has canary" in ok("pin", "staging", "--remove", "--name", "other")
    ok("pin", "staging", "--remove", "--name", "canary")
    assert shop.files("env/staging").pins == ()
    ok("pin", "staging", "--node", "n-2", "--node", "n-1", "--bundle", A, "--reason", "Two machines")
    assert shop.files("env/staging").pins[0].ids == ("n-1", "n-2")


@pytest.mark.parametrize(
    "arguments",
    [
        ("--nodes", "a=b", "--node", "n-1", "--bundle", A, "--reason", "x"),
        ("--bundle", A, "--reason", "x"),
        ("--nodes", "a=b", "--reason", "x"),
        ("--nodes", "a=b", "--bundle", A),
        ("--nodes", "a=", "--bundle", A, "--reason", "x"),
        ("--node", "no/id", "--bundle", A, "--reason", "x"),
        ("--node", "n-1", "--bundle", A, "--reason", "x", "--name", "No"),
        ("--remove", "--bundle", A),
    ],
)
def test_a_pin_that_says_too_little_or_too_much(shop: Shop, arguments: tuple[str, ...]) -> None:
    assert call("pin", "staging", *arguments).exit_code == 2


def test_a_hold_with_an_end(shop: Shop) -> None:
    ok("hold", "production", "--reason", "Audit", "--until", "2026-12-01T08:00")
    (hold,) = shop.files("env/production").holds
    assert hold.until == datetime(2026, 12, 1, 8, 0, tzinfo=UTC)
    assert "already held" in ok("hold", "production", "--reason", "Audit", "--until", "2026-12-01T08:00")


def test_promote_says_what_it_will_wait_for(shop: Shop) -> None:
    shop.write("env/production", {quarantine_path(A): render_quarantine(Quarantine(A, "it broke search"))})
    ok("hold", "production", "--reason", "Sale weekend")
    output = ok("promote", "production")
    assert "hold 'hold' stands: Sale weekend" in output
    assert "aaaaaaaaaaaa is quarantined here: it broke search" in output


def test_nothing_completed_yet_is_said(shop: Shop) -> None:
    shop.write("env/canary", {"rollout.kdl": ledger()})
    error = refused("promote", "production")
    assert error.code == "E-GIT-207"
    assert "staging and canary" in error.message


def test_an_environment_trunk_does_not_declare(shop: Shop) -> None:
    shop.write("env/old", {"rollout.kdl": ledger()})
    assert refused("promote", "old").code == "E-GIT-207"
    assert refused("promote", "old", "--trunk", "absent").code == "E-GIT-207"


def test_dry_run_prints_the_commit_and_pushes_nothing(shop: Shop) -> None:
    before = shop.mirror.refs()
    output = ok("promote", "production", "--dry-run", "--why", "Try")
    assert shop.mirror.refs() == before
    assert "would push to env/production" in output
    assert "Author: Ada Operator <ada@example.com>" in output
    assert "    Promote aaaaaaaaaaaa to production" in output
    assert "--- /dev/null\n+++ b/release.kdl" in output
    assert f'+release "{A}"' in output


def test_rollback_goes_back_and_further_back(shop: Shop) -> None:
    shop.write("env/dev", {"rollout.kdl": ledger(C, B, A), "release.kdl": render_release(Release(C))})
    ok("rollback", "dev", "--why", "Errors since noon")
    info = shop.head("env/dev")
    assert (info.subject, info.body, info.trailer("Bundle")) == (
        "Roll dev back to bbbbbbbbbbbb", "Errors since noon", B,
    )  # fmt: skip
    assert "already asks for" in ok("rollback", "dev")
    shop.write("env/dev", {"rollout.kdl": ledger(B, C, B, A)})
    ok("rollback", "dev")
    release = shop.files("env/dev").release
    assert release is not None
    assert release.digest == A


def test_rollback_during_a_release_brings_back_what_is_live(shop: Shop) -> None:
    shop.write("env/dev", {"release.kdl": render_release(Release(C))})
    ok("rollback", "dev")
    release = shop.files("env/dev").release
    assert release is not None
    assert (release.digest, release.commit) == (B, "b" * 40)


def test_rollback_leaves_out_what_is_quarantined_and_ends_somewhere(shop: Shop) -> None:
    shop.write("env/dev", {"rollout.kdl": ledger(C, B, A), "release.kdl": render_release(Release(C))})
    shop.write("env/dev", {quarantine_path(B): render_quarantine(Quarantine(B, "bad"))})
    assert A in ok("rollback", "dev", "--dry-run")
    assert refused("rollback", "canary").code == "E-GIT-209"
    assert refused("rollback", "production").code == "E-GIT-209"


def test_hold_pause_and_resume(shop: Shop) -> None:
    ok("hold", "dev", "--reason", "Audit", "--name", "audit")
    ok("pause", "dev")
    held = {found.name: (found.reason, found.owner) for found in shop.files("env/dev").holds}
    ada = "Ada Operator <ada@example.com>"
    assert held == {"audit": ("Audit", ada), "pause": ("paused", ada)}
    before = shop.head("env/dev").sha
    assert "already held by 'audit'" in ok("hold", "dev", "--reason", "Audit", "--name", "audit")
    assert "already held by 'pause'" in ok("pause", "dev")
    assert shop.head("env/dev").sha == before
    ok("hold", "dev", "--reason", "A longer audit", "--name", "audit")
    assert "still held by pause" in ok("resume", "dev", "--hold", "audit")
    assert "already without a hold 'audit'; it is held by pause" in ok("resume", "dev", "--hold", "audit")
    shop.write("env/dev", {"holds/r-0007.kdl": b"not readable {{{"})
    assert "goes on" in ok("resume", "dev")
    assert shop.files("env/dev").holds == ()
    assert "already without a hold" in ok("resume", "dev")
    assert call("hold", "dev", "--reason", "x", "--name", "../x").exit_code == 2
    assert call("hold", "dev").exit_code == 2


def test_a_person_says_go_for_a_step(shop: Shop) -> None:
    assert "no open rollout" in str(refused("approve", "dev", "--step", "1"))

    def at(sequence: int, state: str) -> None:
        steps = (Progress(1, "done", WHEN, WHEN, 3), Progress(2, state, WHEN, None, sequence))
        rollout = Rollout("r-0007", "open" if state == "active" else "paused", A, "", "", WHEN, "", steps)
        shop.write("env/dev", {"rollout.kdl": render_rollout(Ledger(sequence, rollout))})

    at(4, "active")
    assert refused("approve", "dev", "--step", "3").code == "E-GIT-230"
    assert "not under way" in str(refused("approve", "dev", "--step", "1"))
    assert "passes when its other gates do" in ok("approve", "dev", "--step", "2", "--why", "Looks well")
    go = Go("r-0007", 2, A, 4, "Ada Operator <ada@example.com>", "Looks well")
    assert shop.files("env/dev").goes == (go,)
    assert shop.head("env/dev").subject == "Say go for step 2 of r-0007 in dev"
    assert "has said go for step 2 of r-0007 already" in ok("approve", "dev", "--step", "2")
    # It failed: a go is said of what is seen, so nobody can say it now, and has to say it again afterwards.
    at(4, "failed")
    assert "the rollout is paused, the step failed" in str(refused("approve", "dev", "--step", "2"))
    at(5, "active")
    ok("approve", "dev", "--step", "2")
    assert [one.sequence for one in shop.files("env/dev").goes] == [5]


def test_a_lost_race_is_read_and_decided_again(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    races = []

    def contended(*arguments: object) -> None:
        if len(races) < 3:
            races.append(shop.write("env/dev", {f"holds/other-{len(races)}.kdl": b'hold "mine"'}))
        push(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(wish, "push", contended)
    ok("hold", "dev", "--reason", "ours")
    assert [found.name for found in shop.files("env/dev").holds] == ["hold", "other-0", "other-1", "other-2"]


def test_a_branch_that_never_stands_still_ends_with_a_sentence(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    def contended(*arguments: object) -> None:
        shop.write("env/dev", {"holds/other.kdl": b'hold "%d"' % shop.head("env/dev").sha.__hash__()})
        push(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(wish, "push", contended)
    assert refused("hold", "dev", "--reason", "ours").code == "E-GIT-206"


def test_a_declining_forge_is_heard(git_server: GitServer, shop: Shop) -> None:
    git_server.hook(
        shop.path.name.removesuffix(".git"),
        "pre-receive",
        "#!/bin/sh\necho 'two approvals, please'\nexit 1\n",
    )
    error = refused("promote", "production")
    assert isinstance(error, Stalled)
    assert "two approvals, please" in error.message


def test_unknown_environments_are_suggested(shop: Shop) -> None:
    error = refused("pause", "prodution")
    assert error.code == "E-GIT-204"
    assert "did you mean 'production'?" in error.message
    assert "canary, dev, production, staging" in str(error)


def test_branch_prefixes_keep_projects_apart(shop: Shop) -> None:
    shop.write("shop/env/dev", {"rollout.kdl": ledger(A)})
    ok("pause", "dev", "--branch-prefix", "shop/")
    assert [found.name for found in shop.files("shop/env/dev").holds] == ["pause"]
    assert shop.files("env/dev").holds == ()


def test_a_hostile_branch_is_named(shop: Shop) -> None:
    link = shop.mirror.repository.create_blob(b"/etc/passwd")
    builder = shop.mirror.repository.TreeBuilder()
    builder.insert("holds", link, 0o120000)
    head = shop.head("env/dev").sha
    sha = str(
        shop.mirror.repository.create_commit(
            None,
            shop.mirror.repository[head].author,
            shop.mirror.repository[head].author,
            "x",
            builder.write(),
            [head],
        )
    )
    shop.mirror.repository.references.create("refs/heads/env/dev", sha, force=True)
    error = refused("pause", "dev")
    assert (error.code, "E-GIT-105" in error.message) == ("E-GIT-205", True)


def test_repository_author_and_credentials(
    git_server: GitServer, shop: Shop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    monkeypatch.chdir(empty)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path))
    assert refused("pause", "dev").code == "E-GIT-201"
    assert refused("pause", "dev", "--repository", shop.url).code == "E-GIT-203"
    assert refused("pause", "dev", "--repository", shop.url, "--author", "Ada").code == "E-GIT-203"
    assert refused("pause", "dev", "--repository", "/srv/x", "--author", "A <a@b>").code == "E-GIT-001"
    private = f"{git_server.url}/private/{shop.path.name}"
    options = ("--repository", private, "--author", "Ben <ben@example.com>")
    assert refused("pause", "dev", *options).code == "E-GIT-004"
    assert refused("pause", "dev", *options, "--token-env", "FORGE_TOKEN").code == "E-GIT-202"
    monkeypatch.setenv("FORGE_TOKEN", "wrong")
    assert (
        refused("pause", "dev", *options, "--user", "ada", "--token-env", "FORGE_TOKEN").code == "E-GIT-003"
    )
    monkeypatch.setenv("FORGE_TOKEN", "s3cret")
    ok("pause", "dev", *options, "--user", "ada", "--token-env", "FORGE_TOKEN")
    assert shop.head("env/dev").author_name == "Ben"
    carried = private.replace("http://", "http://ada:s3cret@")
    assert "s3cret" not in ok("resume", "dev", "--repository", carried, "--author", "Ben <ben@example.com>")
