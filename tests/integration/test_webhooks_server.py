"""The webhook process as it is deployed: gunicorn, a real database, a real Valkey or none."""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import urllib3

from reconciler.db import session
from reconciler.db.intake import Receipt
from reconciler.db.models import Work
from reconciler.jobs.queue import open_queue
from reconciler.settings import Settings, read_settings
from tests.servers.process import die_with_parent, listens

SECRET = b"a webhook secret"
CONFIG = """\
organization "acme" {
    name "Acme"
    keys { bundle "file:b"; pointer "file:p"; commit "file:c"; root "file:r" }
    connection "origin" { forge "github"; secret "env:HOOK_SECRET" }
    project "shop" { repository "http://127.0.0.1:1/shop.git"; trunk "main"; connection "origin" }
}
"""
PUSH = json.dumps(
    {"ref": "refs/heads/main", "repository": {"clone_url": "http://127.0.0.1:1/shop.git"}}
).encode()


class Server:
    def __init__(self, database: Settings, valkey_url: str, port: int, folder: Path) -> None:
        database.home.mkdir(parents=True, exist_ok=True)
        database.config_file.write_text(CONFIG)
        environ = {
            **os.environ,
            "SENTINEL_HOME": str(database.home),
            "DATABASE_URL": database.database_url,
            "REDIS_URL": valkey_url,
            "HOOK_SECRET": SECRET.decode(),
        }
        self.port = port
        self.url = f"http://127.0.0.1:{port}"
        self.queue = open_queue(read_settings(environ))
        self.http = urllib3.PoolManager(timeout=urllib3.Timeout(20), retries=False, maxsize=16)
        with (folder / "log").open("wb") as log:
            self.process = subprocess.Popen(
                [
                    sys.executable, "-m", "gunicorn", "webhooks.app:create_app()", "--bind", f"127.0.0.1:{port}",
                    "--no-control-socket", "-k", "gthread", "--threads", "8", "--log-level", "warning",
                ],
                env=environ, stdout=log, stderr=subprocess.STDOUT, preexec_fn=die_with_parent,
            )  # fmt: skip
        deadline = time.monotonic() + 30
        while not listens(port):
            assert self.process.poll() is None, (folder / "log").read_text()
            assert time.monotonic() < deadline
            time.sleep(0.05)

    def deliver(self, delivery: str, body: bytes = PUSH, secret: bytes = SECRET, **options: Any) -> Any:
        return self.http.request(
            "POST",
            f"{self.url}/webhooks/github/origin",
            body=options.pop("send", body),
            headers={
                "Content-Type": "application/json",
                "X-GitHub-Delivery": delivery,
                "X-GitHub-Event": "push",
                "X-Hub-Signature-256": "sha256=" + hmac.new(secret, body, hashlib.sha256).hexdigest(),
            },
            **options,
        )

    def stop(self) -> None:
        self.http.clear()
        self.process.terminate()
        self.process.wait(20)
        self.queue.close()


@pytest.fixture
def server(database: Settings, valkey_url: str, free_port: int, tmp_path: Path) -> Iterator[Server]:
    made = Server(database, valkey_url, free_port, tmp_path)
    yield made
    made.stop()


def test_a_delivery_becomes_a_job(server: Server) -> None:
    response = server.deliver("d-1")
    assert response.status == 202, response.data
    deadline = time.monotonic() + 10
    while server.queue.llen("rq:queue:default") == 0:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    assert server.deliver("d-1").status == 200
    assert server.queue.llen("rq:queue:default") == 1


def test_many_deliveries_at_once_are_all_durable_and_make_little_work(server: Server) -> None:
    statuses: list[int] = []

    def deliver(thread: int) -> None:
        statuses.extend(server.deliver(f"d-{thread}-{number}").status for number in range(20))

    threads = [threading.Thread(target=deliver, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert statuses == [202] * 160
    with session.reading():
        assert Receipt.select().count() == 160
        (work,) = Work.select()
    # Those who were written in one transaction asked once, and whoever does the work does it for all of them.
    assert 0 < work.wanted <= 160
    assert work.done == 0
    assert server.queue.llen("rq:queue:default") == 1


def test_without_valkey_a_delivery_is_as_durable_and_as_fast(server: Server, valkey_server: Any) -> None:
    valkey_server.kill()
    begun = time.monotonic()
    assert server.deliver("d-1").status == 202
    assert time.monotonic() - begun < 2
    with session.reading():
        assert Receipt.select().count() == 1
    ready = server.http.request("GET", f"{server.url}/ready")
    assert ready.status == 200
    assert list(json.loads(ready.data)["weakened"]) == ["queue"]


def talk(server: Server, *pieces: bytes) -> bytes:
    """Send bytes as they are and return the status line of the answer, empty when there is none."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=20) as stream:
        try:
            for piece in pieces:
                stream.sendall(piece)
            stream.shutdown(socket.SHUT_WR)
        except OSError:
            pass  # It has answered and hung up while we still talk.
        try:
            return stream.recv(4096).split(b"\r\n")[0]
        except ConnectionResetError:
            return b""


def test_requests_that_are_no_requests_are_not_our_fault(server: Server) -> None:
    head = b"POST /webhooks/github/origin HTTP/1.1\r\nHost: x\r\n"
    chunked = head + b"Transfer-Encoding: chunked\r\n\r\n"
    chunk = b"10000\r\n" + b"x" * 0x10000 + b"\r\n"
    assert b" 413 " in talk(server, chunked, *[chunk] * 100, b"0\r\n\r\n")
    assert b" 413 " in talk(server, head + b"Content-Length: 1000000000\r\n\r\n", b"x" * 1000)
    for request in (
        chunked + b"zz\r\n",
        chunked + b"5\r\nab",
        head + b"Content-Length: -1\r\n\r\n",
        head + b"Content-Length: 100\r\n\r\nshort",
        head + b"Content-Length: 10\r\nX-GitHub-Event: \xff\xfe\r\n\r\n0123456789",
        head.replace(b"origin", b"%00%ff/../origin") + b"Content-Length: 0\r\n\r\n",
        head.replace(b"HTTP/1.1", b"HTTP/9.9") + b"\r\n",
        b"\x16\x03\x01\x00\xa5",
    ):
        status = talk(server, request)
        assert status == b"" or b" 4" in status or b" 505 " in status, (request, status)
    pieces = iter([PUSH[:10], PUSH[10:]])
    assert server.deliver("d-1", send=pieces, chunked=True).status == 202
