"""Mirrors and listings over real HTTP."""

from __future__ import annotations

import multiprocessing
import subprocess
import sys
import threading
from datetime import UTC, datetime
from pathlib import Path

import pygit2
import pytest

from reconciler.errors import Refused, Stalled, Transient
from reconciler.git.identity import Credentials, Identity
from reconciler.git.mirror import Mirror
from reconciler.git.remote import remote_refs
from reconciler.git.writing import commit_edit, push
from tests.servers.git_http import GitServer, git_server

__all__ = ["git_server"]

ADA = Identity("Ada", "ada@example.com")
WHEN = datetime(2026, 1, 1, tzinfo=UTC)


def commit(mirror: Mirror, parent: str | None, name: str) -> str:
    return commit_edit(
        mirror, parent, {name: name.encode()}, message=name, author=ADA, committer=ADA, when=WHEN, key=None
    )


def fetch_elsewhere(folder: str, url: str, results: multiprocessing.Queue) -> None:  # type: ignore[type-arg]
    try:
        results.put(Mirror.open(Path(folder), url, None).fetch())
    except Exception as error:  # noqa: BLE001 — the parent reports it.
        results.put(repr(error))


def test_a_mirror_follows_new_moved_rewritten_and_deleted_branches(
    git_server: GitServer, tmp_path: Path
) -> None:
    _, url = git_server.repository("follow")
    writer, reader = Mirror.open(tmp_path / "w.git", url, None), Mirror.open(tmp_path / "r.git", url, None)
    assert reader.fetch() == {} == remote_refs(url, None)
    first = commit(writer, None, "one")
    push(writer, "refs/heads/main", first, None)
    assert reader.fetch() == {"refs/heads/main": first} == remote_refs(url, None) == reader.refs()
    second = commit(writer, first, "two")
    push(writer, "refs/heads/main", second, first)
    push(writer, "refs/heads/env/dev", first, None)
    assert reader.fetch() == {"refs/heads/env/dev": first, "refs/heads/main": second}
    assert reader.read_file(second, "two") == b"two"
    bare = pygit2.Repository(str(git_server.folder / "follow.git"))
    rewritten = commit(writer, None, "rewritten")
    push(writer, "refs/heads/new", rewritten, None)
    bare.references.create("refs/heads/main", rewritten, force=True)
    bare.references.delete("refs/heads/new")
    # A branch that stands where a folder of branches stood.
    bare.references.delete("refs/heads/env/dev")
    bare.references.create("refs/heads/env", first)
    assert reader.fetch() == {"refs/heads/env": first, "refs/heads/main": rewritten}
    for name in ("refs/heads/env", "refs/heads/main"):
        bare.references.delete(name)
    assert reader.fetch() == {}
    assert not (tmp_path / "r.git" / "one").exists()


def test_many_processes_make_and_fetch_one_mirror_at_once(git_server: GitServer, tmp_path: Path) -> None:
    _, url = git_server.repository("crowd")
    writer = Mirror.open(tmp_path / "w.git", url, None)
    head = commit(writer, None, "one")
    for number in range(20):
        push(writer, f"refs/heads/b{number}", head, None)
    context = multiprocessing.get_context("spawn")
    results = context.Queue()
    processes = [
        context.Process(target=fetch_elsewhere, args=(str(tmp_path / "shared.git"), url, results))
        for _ in range(4)
    ]
    for process in processes:
        process.start()
    answers = [results.get(timeout=60) for _ in processes]
    for process in processes:
        process.join()
    assert answers == [writer.refs()] * 4


def test_fetching_waits_for_whoever_holds_the_folder(git_server: GitServer, tmp_path: Path) -> None:
    _, url = git_server.repository("waiting")
    mirror, second = (Mirror.open(tmp_path / "m.git", url, None) for _ in range(2))
    done = threading.Event()

    def fetch() -> None:
        second.fetch()
        done.set()

    with mirror.locked():
        thread = threading.Thread(target=fetch)
        thread.start()
        assert not done.wait(0.5)
    assert done.wait(20)
    thread.join()


def test_a_wrong_password_is_said_once_and_never_printed(git_server: GitServer, tmp_path: Path) -> None:
    git_server.repository("secret")
    url = f"{git_server.url}/private/secret.git"
    refused = git_server.folder / "refused"
    refused.unlink(missing_ok=True)
    with pytest.raises(Stalled) as stalled:
        remote_refs(url, Credentials("ada", "canary-token"))
    assert stalled.value.code == "E-GIT-003"
    assert "canary-token" not in f"{stalled.value}{stalled.value!r}{Credentials('ada', 'canary-token')!r}"
    assert len(refused.read_text()) <= 4
    with pytest.raises(Stalled) as stalled:
        Mirror.open(tmp_path / "m.git", url, Credentials("ada", "canary-token")).fetch()
    assert stalled.value.code == "E-GIT-003"


def test_missing_credentials_are_another_answer(git_server: GitServer) -> None:
    git_server.repository("anonymous")
    with pytest.raises(Stalled) as stalled:
        remote_refs(f"{git_server.url}/private/anonymous.git", None)
    assert stalled.value.code == "E-GIT-004"


def test_right_credentials_read_and_write(git_server: GitServer, tmp_path: Path) -> None:
    git_server.repository("known")
    url = f"{git_server.url}/private/known.git"
    mirror = Mirror.open(tmp_path / "m.git", url, Credentials("ada", "s3cret"))
    head = commit(mirror, None, "one")
    push(mirror, "refs/heads/main", head, None)
    assert mirror.fetch() == remote_refs(url, Credentials("ada", "s3cret")) == {"refs/heads/main": head}


def test_a_redirect_to_another_host_is_not_followed(git_server: GitServer, tmp_path: Path) -> None:
    git_server.repository("moved")
    url = f"{git_server.url}/moved/moved.git"
    for call in (lambda: remote_refs(url, None), Mirror.open(tmp_path / "m.git", url, None).fetch):
        with pytest.raises(Transient, match="redirect"):
            call()


def test_an_unwell_forge_is_transient_and_named(git_server: GitServer) -> None:
    for path in ("/broken/x.git", "/absent.git"):
        with pytest.raises(Transient) as transient:
            remote_refs(git_server.url + path, None)
        assert transient.value.code == "E-GIT-006"
        assert git_server.url in transient.value.message
    with pytest.raises(Transient):
        remote_refs("http://127.0.0.1:1/x.git", None)
    with pytest.raises(Transient):
        remote_refs("http://name.invalid/x.git", None)


def test_no_call_takes_a_url_that_is_not_allowed(tmp_path: Path) -> None:
    subprocess.run(["git", "init", "-q", "--bare", tmp_path / "local.git"], check=True)
    for url in (str(tmp_path / "local.git"), f"file://{tmp_path}/local.git"):
        with pytest.raises(Refused):
            remote_refs(url, None)
        with pytest.raises(Refused):
            Mirror.open(tmp_path / "m.git", url, None)


def test_the_users_configuration_rewrites_no_url(
    git_server: GitServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, url = git_server.repository("rewrite")
    home = tmp_path / "home"
    home.mkdir()
    (home / ".gitconfig").write_text(f'[url "file:///etc/"]\n\tinsteadOf = {git_server.url}/\n')
    monkeypatch.setenv("HOME", str(home))
    code = "import sys; from reconciler.git.remote import remote_refs; print(remote_refs(sys.argv[1], None))"
    done = subprocess.run([sys.executable, "-c", code, url], capture_output=True, text=True, check=False)
    assert (done.stdout, done.returncode) == ("{}\n", 0), done.stderr
