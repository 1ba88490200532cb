"""`webhook`: deliveries per second that are made durable and answered, against a route that only checks the HMAC."""

from __future__ import annotations

import hashlib
import hmac
import itertools
import json
import os
import tempfile
from collections.abc import Callable
from pathlib import Path

from reconciler.db.migrate import migrate
from reconciler.db.session import disconnect
from reconciler.flows.founding import configuration, write_keys
from reconciler.settings import read_settings
from tests.benchmarks.load import requests_per_second
from tests.benchmarks.result import Result
from tests.benchmarks.servers import gunicorn
from tests.servers.valkey import Valkey

SECONDS = 4.0
REPOSITORY = "http://127.0.0.1:9/shop.git"
FLAGS = ("-k", "gthread", "--threads", "8", "--workers", "1")


def run() -> Result:
    """Measure both, each with the same bodies and a delivery id that never repeats."""
    queue = Valkey()
    try:
        with tempfile.TemporaryDirectory() as folder:
            home = Path(folder)
            write_keys(home)
            (home / "control-plane.kdl").write_bytes(
                configuration("acme", "shop", REPOSITORY, "main", "origin")
            )
            secret = (home / "keys" / "webhook.secret").read_text().strip()
            environ = {"SENTINEL_HOME": str(home), "REDIS_URL": queue.url, "BENCH_SECRET": secret}
            settings = read_settings(os.environ | environ)
            migrate(settings)
            disconnect()
            ids = itertools.count()
            with gunicorn(
                "tests.benchmarks.bare:hmac_app()", *FLAGS, environ=environ, folder=home / "bare"
            ) as port:
                reference = requests_per_second(port, _delivery(secret, ids), status=202, seconds=SECONDS)
            with gunicorn("webhooks.app:create_app()", *FLAGS, environ=environ, folder=home / "ours") as port:
                ours = requests_per_second(port, _delivery(secret, ids), status=202, seconds=SECONDS)
    finally:
        queue.stop()
    return Result("webhook", ours, reference, "deliveries/s", 0.4, "higher")


def _delivery(secret: str, ids: itertools.count[int]) -> Callable[[], bytes]:
    body = json.dumps(
        {
            "ref": "refs/heads/main",
            "before": "1" * 40,
            "after": "2" * 40,
            "created": False,
            "deleted": False,
            "forced": False,
            "repository": {
                "id": 1,
                "full_name": "local/shop",
                "clone_url": REPOSITORY,
                "default_branch": "main",
            },
            "pusher": {"name": "ada"},
            "commits": [{"id": "2" * 40, "message": "Change a target " * 40}],
        }
    ).encode()
    signature = "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()

    def request() -> bytes:
        head = (
            "POST /webhooks/github/origin HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
            f"X-GitHub-Event: push\r\nX-GitHub-Delivery: bench-{next(ids)}\r\n"
            f"X-Hub-Signature-256: {signature}\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        return head.encode() + body

    return request
