"""`poll`: polls per second that are answered 304, against the barest callable that answers 304."""

from __future__ import annotations

import hashlib
import os
import tempfile
import urllib.request
from pathlib import Path

from reconciler import clock
from reconciler.db.migrate import migrate
from reconciler.db.models import Node, Pointer
from reconciler.db.session import connect, disconnect, writing
from reconciler.settings import read_settings
from reconciler.store import layout
from reconciler.store.choose import open_store
from tests.benchmarks.load import requests_per_second
from tests.benchmarks.result import Result
from tests.benchmarks.servers import gunicorn

SECONDS = 4.0
DIGEST = "sha256:" + "ab" * 32
KEY = "snk_" + "k" * 43
FLAGS = ("-k", "asgi", "--workers", "1")


def run() -> Result:
    """Measure both, ours between two runs of the reference, whose mean counts."""
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        environ = {"SENTINEL_HOME": str(home / "home")}
        _fill(environ)
        with gunicorn(
            "tests.benchmarks.bare:unchanged", *FLAGS, environ=environ, folder=home / "bare"
        ) as port:
            before = requests_per_second(port, _bare, status=304, seconds=SECONDS / 2)
        with gunicorn("web.nodes.app:application", *FLAGS, environ=environ, folder=home / "ours") as port:
            url = f"http://127.0.0.1:{port}/api/v1/nodes/n-bench/bundles/latest"
            first = urllib.request.Request(url, headers={"Authorization": f"Bearer {KEY}"})
            with urllib.request.urlopen(first) as answer:
                etag = answer.headers["ETag"]
            poll = (
                f"GET /api/v1/nodes/n-bench/bundles/latest HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n"
                f"Authorization: Bearer {KEY}\r\nIf-None-Match: {etag}\r\n\r\n"
            ).encode()
            ours = requests_per_second(port, lambda: poll, status=304, seconds=SECONDS)
        with gunicorn(
            "tests.benchmarks.bare:unchanged", *FLAGS, environ=environ, folder=home / "bare"
        ) as port:
            after = requests_per_second(port, _bare, status=304, seconds=SECONDS / 2)
    return Result("poll", ours, (before + after) / 2, "polls/s", 0.7, "higher")


def _bare() -> bytes:
    return (
        b"GET /api/v1/nodes/n-bench/bundles/latest HTTP/1.1\r\nHost: 127.0.0.1\r\n"
        b'Authorization: Bearer x\r\nIf-None-Match: "same"\r\n\r\n'
    )


def _fill(environ: dict[str, str]) -> None:
    settings = read_settings(os.environ | environ)
    migrate(settings)
    connect(settings)
    scope = {"organization": "acme", "project": "shop", "environment": "dev"}
    store = open_store(settings)
    store.put(layout.root("acme", 1), b"{}")
    store.put(layout.statement("acme", "shop", DIGEST), b"{}")
    now = clock.now()
    with writing():
        Node.create(
            id="n-bench",
            name="bench",
            key_sha256=hashlib.sha256(KEY.encode()).hexdigest(),
            registered_at=now,
            changed_at=now,
            **scope,
        )
        Pointer.create(
            cohort="base", sequence=1, digest=DIGEST, envelope="{}", etag="e" * 32, issued_at=now, **scope
        )
    disconnect()
