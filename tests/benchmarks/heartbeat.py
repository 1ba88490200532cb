"""`heartbeat`: heartbeats a second that are accepted, against the barest callable that reads and parses the body.

They are those of real agents: with a token, labels, and the counters of some services; of many nodes in turn, and
written to the database as they come. Both get the very same requests: a server looks at every byte of a header, so the
length of a token counts.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import os
import tempfile
import urllib.request
from collections.abc import Iterator
from pathlib import Path

from reconciler import clock
from reconciler.db.migrate import migrate
from reconciler.db.models import Node
from reconciler.db.session import connect, disconnect, writing
from reconciler.settings import read_settings
from reconciler.store import layout
from reconciler.store.choose import open_store
from tests.benchmarks.load import requests_per_second
from tests.benchmarks.result import Result
from tests.benchmarks.servers import gunicorn

SECONDS = 4.0
NODES = 300
SERVICES = 4
BOUNDS = (1, 5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10000)
DIGEST = "sha256:" + "ab" * 32
FLAGS = ("-k", "asgi", "--workers", "1")


def run() -> Result:
    """Measure both, ours between two runs of the reference, whose mean counts."""
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        environ = {"SENTINEL_HOME": str(home / "home")}
        fill(environ)
        with gunicorn("web.nodes.app:application", *FLAGS, environ=environ, folder=home / "ours") as port:
            tokens = [token(port, number) for number in range(NODES)]
            before = _reference(home, environ, tokens)
            beats = heartbeats(tokens)
            ours = requests_per_second(port, lambda: next(beats), status=200, seconds=SECONDS)
        after = _reference(home, environ, tokens)
    return Result("heartbeat", ours, (before + after) / 2, "heartbeats/s", 0.5, "higher")


def _reference(home: Path, environ: dict[str, str], tokens: list[str]) -> float:
    with gunicorn("tests.benchmarks.bare:parsed", *FLAGS, environ=environ, folder=home / "bare") as port:
        beats = heartbeats(tokens)
        return requests_per_second(port, lambda: next(beats), status=200, seconds=SECONDS / 2)


def heartbeats(tokens: list[str]) -> Iterator[bytes]:
    """Whole requests of all nodes in turn, for ever."""
    for counter in itertools.count(1):
        body = json.dumps(_body(counter), separators=(",", ":")).encode()
        for number, token in enumerate(tokens):
            yield (
                f"POST /api/v1/nodes/{node_id(number)}/heartbeat HTTP/1.1\r\nHost: 127.0.0.1\r\n"
                f"Authorization: Bearer {token}\r\nContent-Type: application/json\r\n"
                f"Content-Length: {len(body)}\r\n\r\n"
            ).encode() + body


def _body(counter: int) -> dict[str, object]:
    requests = 100 * counter
    counts = {
        "requests": requests,
        "failed": counter,
        "observed": requests,
        "within_ms": {
            str(bound): min(requests, 10 * counter * (place + 1)) for place, bound in enumerate(BOUNDS)
        },
    }
    return {
        "boot_id": "5f2c8e0b9a7d4c11",
        "counter": counter,
        "running": DIGEST,
        "config_id": "0123456789abcdef",
        "delivered": DIGEST,
        "sequence": 7,
        "health": {"state": "healthy"},
        "refusal": None,
        "versions": {"agent": "sentinel-node/0.1.0", "proxy": "0.6.20"},
        "log": None,
        "labels": {"region": "eu-west", "tier": "edge"},
        "signals": {
            "life": "812-40021",
            "cpu_permille": 130,
            "memory_permille": 410,
            "open_breakers": None,
            "services": {f"service-{number}": counts for number in range(SERVICES)},
        },
    }


def token(port: int, number: int) -> str:
    """A token for the key of that node."""
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}/api/v1/nodes/{node_id(number)}/token",
        data=b"{}",
        headers={"Authorization": f"Bearer {_key(number)}"},
    )
    with urllib.request.urlopen(request) as answer:
        return str(json.load(answer)["token"])


def node_id(number: int) -> str:
    """The id of the node of that number."""
    return f"n-bench{number:05}"


def _key(number: int) -> str:
    return f"snk_{number:043}"


def fill(environ: dict[str, str]) -> None:
    """A database with registered nodes, and a root."""
    settings = read_settings(os.environ | environ)
    migrate(settings)
    connect(settings)
    open_store(settings).put(layout.root("acme", 1), b"{}")
    now = clock.now()
    with writing():
        for number in range(NODES):
            Node.create(
                id=node_id(number), organization="acme", project="shop", environment="dev", name=f"bench-{number}",
                key_sha256=hashlib.sha256(_key(number).encode()).hexdigest(), registered_at=now, changed_at=now,
            )  # fmt: skip
    disconnect()
