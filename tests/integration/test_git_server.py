"""The embedded git server and its webhook, with the real git client."""

from __future__ import annotations

import gzip
import hashlib
import hmac
import http.client
import http.server
import json
import os
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.servers.git_http import GitServer, git_server

__all__ = ["git_server"]

ZERO = "0" * 40
ENVIRON = {
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_AUTHOR_NAME": "Ada",
    "GIT_AUTHOR_EMAIL": "ada@example.com",
    "GIT_COMMITTER_NAME": "Ada",
    "GIT_COMMITTER_EMAIL": "ada@example.com",
}


def git(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        ["git", *arguments], cwd=folder, capture_output=True, text=True, check=False, env=os.environ | ENVIRON
    )
    assert done.returncode == 0, done.stderr
    return done


def request(
    server: GitServer, method: str, path: str, body: bytes = b"", headers: dict[str, str] | None = None
):
    connection = http.client.HTTPConnection(urlsplit(server.url).netloc, timeout=20)
    try:
        connection.request(method, path, body, headers or {})
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


class Hooks:
    """A receiver that keeps what it got."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.events: list[tuple[dict[str, str], bytes]] = []


@pytest.fixture
def hooks() -> Iterator[Hooks]:
    class Receiver(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            received.events.append((dict(self.headers), body))
            self.send_response(202)
            self.end_headers()

        def log_message(self, *arguments: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Receiver) as server:
        received = Hooks(f"http://127.0.0.1:{server.server_port}/webhooks/github/origin")
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield received
        server.shutdown()
        thread.join()


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    path = tmp_path / "webhook.secret"
    path.write_text("c0ffee\n")
    return path


def clone_with_commit(url: str, folder: Path, name: str = "file.kdl") -> Path:
    git(folder, "clone", "-q", url, "clone")
    clone = folder / "clone"
    (clone / name).write_text("content\n")
    git(clone, "add", ".")
    git(clone, "commit", "-qm", "Add a file")
    return clone


def test_git_clones_pushes_and_fetches(git_server: GitServer, tmp_path: Path) -> None:
    _, url = git_server.repository("plain")
    clone = clone_with_commit(url, tmp_path)
    git(clone, "push", "-q", "origin", "HEAD:main")
    git(tmp_path, "-c", "protocol.version=2", "clone", "-q", "--depth=1", url, "second")
    assert (tmp_path / "second" / "file.kdl").read_text() == "content\n"
    for number in range(60):
        # Many wants and haves: the git client compresses such a request, and large pushes come in chunks.
        (clone / f"{number}").write_bytes(os.urandom(40_000))
        git(clone, "add", ".")
        git(clone, "commit", "-qm", f"{number}")
    git(clone, "-c", "http.postBuffer=65536", "push", "-q", "origin", "HEAD:main")
    (tmp_path / "second" / "x").write_text("x")
    git(tmp_path / "second", "fetch", "-q", "--unshallow")
    assert git(tmp_path / "second", "rev-list", "--count", "origin/main").stdout == "61\n"


def test_a_compressed_request_body_is_understood(git_server: GitServer, tmp_path: Path) -> None:
    _, url = git_server.repository("gzipped")
    clone = clone_with_commit(url, tmp_path)
    git(clone, "push", "-q", "origin", "HEAD:main")
    sha = git(clone, "rev-parse", "HEAD").stdout.strip()
    wanted = f"want {sha}\n".encode()
    body = b"%04x%s00000009done\n" % (len(wanted) + 4, wanted)
    headers = {"Content-Type": "application/x-git-upload-pack-request", "Content-Encoding": "gzip"}
    status, answer = request(git_server, "POST", "/gzipped.git/git-upload-pack", gzip.compress(body), headers)
    assert status == 200
    assert b"PACK" in answer


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/", 404),
        ("GET", "/absent.git/info/refs?service=git-upload-pack", 404),
        ("GET", "/paths.git/../secret.git/info/refs?service=git-upload-pack", 404),
        ("GET", "/%2e%2e/outside.git/info/refs?service=git-upload-pack", 404),
        ("GET", "/..%2foutside.git/info/refs?service=git-upload-pack", 404),
        ("GET", "/linked.git/info/refs?service=git-upload-pack", 404),
        ("GET", "/paths.git/config", 404),
        ("GET", "/paths.git/HEAD", 404),
        ("GET", "/paths.git/objects/info/packs", 404),
        ("GET", "/paths.git/info/refs", 403),
        ("GET", "/paths.git/info/refs?service=git-upload-archive", 403),
        ("POST", "/paths.git/info/refs?service=git-upload-pack", 405),
        ("GET", "/paths.git/git-receive-pack", 405),
        ("GET", "/paths.git/info/refs?service=git-upload-pack", 200),
        ("GET", "/paths.git/info/refs?service=git-receive-pack", 200),
        ("GET", "/health", 200),
    ],
)
def test_nothing_but_the_smart_protocol_of_these_repositories(
    git_server: GitServer, method: str, path: str, status: int
) -> None:
    git_server.repository("paths")
    outside = git_server.folder.parent / "outside.git"
    if not outside.exists():
        subprocess.run(["git", "init", "-q", "--bare", outside], check=True)
        (git_server.folder / "linked.git").symlink_to(outside)
    assert request(git_server, method, path)[0] == status


def test_each_changed_reference_is_told_signed_and_in_githubs_shape(
    git_server: GitServer, tmp_path: Path, hooks: Hooks, secret: Path
) -> None:
    _, url = git_server.repository("hooked", webhook_url=hooks.url, secret_file=secret, full_name="acme/shop")
    clone = clone_with_commit(url, tmp_path)
    git(clone, "push", "-q", "origin", "HEAD:main", "HEAD:env/dev")
    assert len(hooks.events) == 2
    first = git(clone, "rev-parse", "HEAD").stdout.strip()
    git(clone, "commit", "-q", "--allow-empty", "-m", "Second ö")
    git(clone, "push", "-q", "origin", "HEAD:main")
    second = git(clone, "rev-parse", "HEAD").stdout.strip()
    git(clone, "commit", "-q", "--amend", "--allow-empty", "-m", "Rewritten")
    git(clone, "push", "-qf", "origin", "HEAD:main")
    git(clone, "push", "-q", "origin", ":env/dev")

    for headers, body in hooks.events:
        mac = hmac.new(b"c0ffee", body, hashlib.sha256).hexdigest()
        assert headers["X-Hub-Signature-256"] == f"sha256={mac}"
        assert headers["X-GitHub-Event"] == "push"
        assert headers["Content-Type"] == "application/json"
    assert len({headers["X-GitHub-Delivery"] for headers, _ in hooks.events}) == 5

    by_ref = {(e["ref"], e["after"]): e for e in (json.loads(body) for _, body in hooks.events)}
    created = by_ref["refs/heads/main", first]
    assert (created["before"], created["created"], created["deleted"], created["forced"]) == (
        ZERO,
        True,
        False,
        False,
    )
    moved = by_ref["refs/heads/main", second]
    assert (moved["before"], moved["created"], moved["forced"]) == (first, False, False)
    assert [c["message"] for c in moved["commits"]] == ["Second ö"]
    assert moved["head_commit"]["id"] == second
    assert moved["commits"][0]["author"] == {"name": "Ada", "email": "ada@example.com"}
    assert moved["pusher"]["name"]
    repository = moved["repository"]
    assert repository["clone_url"] == url
    assert (repository["full_name"], repository["name"], repository["default_branch"]) == (
        "acme/shop",
        "shop",
        "main",
    )
    assert isinstance(repository["id"], int)
    forced = next(e for e in by_ref.values() if e["before"] == second)
    assert forced["forced"] is True
    deleted = by_ref["refs/heads/env/dev", ZERO]
    assert (deleted["deleted"], deleted["commits"], deleted["head_commit"]) == (True, [], None)


def test_a_push_never_fails_because_of_its_webhook(
    git_server: GitServer, tmp_path: Path, secret: Path
) -> None:
    path, url = git_server.repository("unheard", webhook_url="http://127.0.0.1:1/x", secret_file=secret)
    clone = clone_with_commit(url, tmp_path)
    done = git(clone, "push", "origin", "HEAD:main")
    assert "did not answer (ConnectionRefusedError)" in done.stderr
    secret.unlink()
    git(clone, "commit", "-q", "--allow-empty", "-m", "again")
    assert "no webhook was sent" in git(clone, "push", "origin", "HEAD:main").stderr
    assert git(path, "rev-parse", "main").stdout == git(clone, "rev-parse", "HEAD").stdout


def test_the_hook_is_served_by_the_servers_python_when_the_repository_moved(
    git_server: GitServer, tmp_path: Path, hooks: Hooks, secret: Path
) -> None:
    path, url = git_server.repository("wanderer", webhook_url=hooks.url, secret_file=secret)
    hook = path / "hooks" / "post-receive"
    hook.write_text(hook.read_text().replace(":-/", ":-/nowhere/"))
    path.rename(git_server.folder / "settled.git")
    clone = clone_with_commit(url.replace("wanderer", "settled"), tmp_path)
    git(clone, "push", "-q", "origin", "HEAD:main")
    assert len(hooks.events) == 1
