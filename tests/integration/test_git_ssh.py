"""Mirrors, listings and pushes over real ssh: only hosts whose keys are pinned are believed."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pygit2
import pytest

from reconciler.errors import LostRace, Stalled
from reconciler.git.identity import Credentials, Identity
from reconciler.git.mirror import Mirror
from reconciler.git.remote import remote_refs
from reconciler.git.writing import commit_edit, push
from tests.servers.git_ssh import KINDS, SshServer, new_key, private, serving_ssh

ADA = Identity("Ada", "ada@example.com")
WHEN = datetime(2026, 1, 1, tzinfo=UTC)
MAIN = "refs/heads/main"


@pytest.fixture(scope="module")
def ssh(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SshServer]:
    with serving_ssh(tmp_path_factory.mktemp("ssh")) as server:
        yield server


@pytest.fixture
def url(ssh: SshServer, tmp_path: Path) -> str:
    pygit2.init_repository(str(ssh.folder / f"{tmp_path.name}.git"), bare=True)
    return ssh.url(tmp_path.name)


def pinned(ssh: SshServer, *lines: str) -> Credentials:
    return Credentials("git", private(ssh.user).strip(), lines or (ssh.line(),))


def test_listing_fetching_and_pushing(ssh: SshServer, url: str, tmp_path: Path) -> None:
    home = pygit2.settings.homedir
    mirror = Mirror.open(tmp_path / "m.git", url, pinned(ssh))
    assert mirror.fetch() == remote_refs(url, pinned(ssh)) == {}
    shas: list[str] = []
    for name in ("one", "two"):
        parent = shas[-1] if shas else None
        edits = {name: name.encode()}
        shas.append(
            commit_edit(mirror, parent, edits, message=name, author=ADA, committer=ADA, when=WHEN, key=None)
        )
        push(mirror, MAIN, shas[-1], parent)
    push(mirror, MAIN, shas[1], shas[0])  # Again: it is done already.
    other = Mirror.open(tmp_path / "o.git", url, pinned(ssh))
    assert other.fetch() == remote_refs(url, pinned(ssh)) == {MAIN: shas[1]}
    assert other.fetch_ref(MAIN) == shas[1]
    late = commit_edit(other, shas[0], {}, message="late", author=ADA, committer=ADA, when=WHEN, key=None)
    with pytest.raises(LostRace):
        push(other, MAIN, late, shas[0])
    assert pygit2.settings.homedir == home


@pytest.mark.parametrize("kind", KINDS)
def test_the_host_is_asked_for_the_kind_of_key_that_is_pinned(ssh: SshServer, url: str, kind: str) -> None:
    assert remote_refs(url, pinned(ssh, ssh.line(ssh.host_keys[kind]))) == {}


@pytest.mark.parametrize("old_first", [True, False])
def test_any_of_several_keys_is_accepted(ssh: SshServer, url: str, old_first: bool) -> None:
    lines = (ssh.line(new_key()), ssh.line())
    assert remote_refs(url, pinned(ssh, *(lines if old_first else lines[::-1]))) == {}


def test_a_host_that_shows_another_key_learns_nothing(ssh: SshServer, url: str, tmp_path: Path) -> None:
    met, asked = list(ssh.met), list(ssh.asked)
    for line in (ssh.line(new_key()), f"git.example {ssh.line().partition(' ')[2]}"):
        mirror = Mirror.open(tmp_path / "m.git", url, pinned(ssh, line))
        sha = commit_edit(mirror, None, {}, message="x", author=ADA, committer=ADA, when=WHEN, key=None)
        for call in (
            lambda line=line: remote_refs(url, pinned(ssh, line)),
            mirror.fetch,
            lambda mirror=mirror: mirror.fetch_ref(MAIN),
            lambda mirror=mirror, sha=sha: push(mirror, MAIN, sha, None),
        ):
            with pytest.raises(Stalled) as stalled:
                call()
            assert stalled.value.code == "E-GIT-030"
            assert f"127.0.0.1:{ssh.port}" in str(stalled.value)
    assert (ssh.met, ssh.asked) == (met, asked)


def test_what_a_user_or_an_earlier_conversation_trusts_does_not_count(
    ssh: SshServer, url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trusting = tmp_path / "home" / ".ssh" / "known_hosts"
    trusting.parent.mkdir(parents=True)
    trusting.write_text(ssh.line() + "\n")
    monkeypatch.setattr(pygit2.settings, "homedir", str(tmp_path / "home"))
    assert remote_refs(url, Credentials("git", private(ssh.user))) == {}
    with pytest.raises(Stalled, match="E-GIT-030"):
        remote_refs(url, pinned(ssh, ssh.line(new_key())))
    with pytest.raises(Stalled, match="E-GIT-030"):
        remote_refs(url, Credentials("git", private(ssh.user), ()))
    trusting.write_text("")
    with pytest.raises(Stalled, match="E-GIT-005"):
        remote_refs(url, Credentials("git", private(ssh.user)))


def test_a_key_that_the_host_does_not_take_is_refused(ssh: SshServer, url: str) -> None:
    with pytest.raises(Stalled, match="E-GIT-003"):
        remote_refs(url, Credentials("git", private(new_key()), (ssh.line(),)))


def test_a_key_in_pem_and_an_ecdsa_key_work(
    ssh: SshServer, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert remote_refs(url, Credentials("git", private(ssh.user, "pkcs8-pem"), (ssh.line(),))) == {}
    monkeypatch.setattr(ssh, "user", new_key("ecdsa-sha2-nistp256"))
    assert remote_refs(url, pinned(ssh)) == {}
