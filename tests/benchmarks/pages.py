"""Server time of every page of a large project, and the weight of the heaviest.

The project has ten thousand nodes, a thousand services, five thousand commits and bundles, five hundred rollouts, and
is served from SQLite; its log of events and its audit log have twenty thousand rows each. What is printed is the median
of several requests, in milliseconds, against the 300 that a page may take.
"""

from __future__ import annotations

import atexit
import json
import shutil
import statistics
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from datetime import timedelta
from functools import cache, partial
from pathlib import Path
from typing import Any

from flask.testing import FlaskClient
from peewee import chunked

from reconciler.compile.outlining import outlines
from reconciler.config.snapshot import read_snapshot
from reconciler.config.source import SourceFile
from reconciler.db import session
from reconciler.db.audit import AuditRow
from reconciler.db.migrate import migrate
from reconciler.db.models import Bundle, Commit, Event, Node, Release, Rollout
from reconciler.db.outlines import ConfigurationOutline
from reconciler.db.risk import Risk
from reconciler.db.session import writing
from reconciler.db.table import Table
from reconciler.settings import read_settings
from tests.benchmarks.corpus import corpus
from tests.benchmarks.result import Result
from tests.unit.pages import sample_project
from tests.unit.pages.sample_project import ENVIRONMENTS, NOW, SHOP, commit_sha, digest
from web.app import create_app

NODES, SERVICES, BUNDLES, ROLLOUTS, EVENTS, ACTS = 10_000, 1_000, 5_000, 500, 20_000, 20_000
ROUNDS = 7
MAY_TAKE = 300.0
MAY_WEIGH = 100_000
WHERE = {"organization": SHOP.organization, "project": SHOP.slug}
HOME = f"/o/{SHOP.organization}/p/{SHOP.slug}"
PAGES = {
    "projects": "/",
    "project": f"{HOME}/",
    "commit": f"{HOME}/commits/{commit_sha(13)}",
    "environment": f"{HOME}/environments/production",
    "rollout": f"{HOME}/environments/production/rollouts/r-0006",
    "rollouts": f"{HOME}/rollouts?environment=production",
    "bundle": f"{HOME}/bundles/{digest(9)}",
    "bundles": f"{HOME}/bundles",
    "approvals": f"{HOME}/approvals",
    "calendar": f"{HOME}/calendar",
    "topology": f"{HOME}/topology",
    "topology-search": f"{HOME}/topology?q=service-007",
    "waf": f"{HOME}/waf",
    "secrets": f"{HOME}/secrets",
    "certificates": f"{HOME}/certificates",
    "nodes": f"{HOME}/nodes",
    "nodes-search": f"{HOME}/nodes?q=edge-077&status=ok",
    "node": f"{HOME}/nodes/bench-00042",
    "drift": f"{HOME}/drift",
    "events": f"{HOME}/events",
    "pulls": f"{HOME}/pulls",
    "webhooks": f"{HOME}/webhooks",
    "audit": f"{HOME}/audit",
    "audit-search": f"{HOME}/audit?actor=person-07@acme.example&outcome=refused",
}


@cache
def client() -> FlaskClient:
    """A client of the pages over the large project; what it needs on disk goes when the process ends."""
    home = Path(tempfile.mkdtemp(prefix="bench-pages-"))
    atexit.register(shutil.rmtree, home, ignore_errors=True)
    settings = read_settings({"SENTINEL_HOME": str(home), "PAGES_ACCESS": "loopback"})
    migrate(settings)
    session.connect(settings)
    sample_project.fill()
    with writing():
        for table, rows in (
            (Node, _nodes()),
            (Commit, _commits()),
            (Bundle, _bundles()),
            (Rollout, _rollouts()),
            (Release, _releases()),
            (Event, _events()),
            (Risk, _risks()),
            (AuditRow, _acts()),
        ):
            _insert(table, rows)
        _outline()
    app = create_app(settings, catalogue=sample_project.CATALOGUE, now=lambda: NOW)
    return app.test_client()


def run(name: str) -> Result:
    """The server time of one page."""
    taken = []
    for _ in range(ROUNDS):
        begun = time.process_time()
        answer = client().get(PAGES[name])
        taken.append(time.process_time() - begun)
        if answer.status_code != 200:
            raise RuntimeError(f"{PAGES[name]} answers {answer.status_code}")
    return Result(f"page-{name}", statistics.median(taken) * 1000, MAY_TAKE, "ms", 1.0, "lower")


def run_weight() -> Result:
    """The size of the heaviest page."""
    heaviest = max(len(client().get(path).data) for path in PAGES.values())
    return Result("page-weight", heaviest, MAY_WEIGH, "bytes", 1.0, "lower")


BENCHES: dict[str, Callable[[], Result]] = {
    **{f"page-{name}": partial(run, name) for name in PAGES},
    "page-weight": run_weight,
}


def _insert(table: type[Table], rows: Iterable[dict[str, Any]]) -> None:
    for some in chunked(rows, 200):
        table.insert_many(some).execute()


def _nodes() -> Iterator[dict[str, Any]]:
    for number in range(NODES):
        identifier = f"bench-{number:05d}"
        yield {
            **WHERE,
            "id": identifier,
            "environment": ENVIRONMENTS[number % 3],
            "name": f"edge-{number:05d}",
            "labels": {"site": f"s{number % 40}"},
            "key_sha256": f"{number:064x}",
            "registered_at": NOW - timedelta(days=9),
            "changed_at": NOW,
            "reported_at": NOW - timedelta(seconds=number % 70),
            "running": digest((13, 10, 5)[number % 3]),
            "delivered": digest((13, 10, 5)[number % 3]),
            "health": "healthy",
        }


def _commits() -> Iterator[dict[str, Any]]:
    for number in range(BUNDLES):
        yield {
            **WHERE,
            "sha": f"{number:040x}",
            "position": number - BUNDLES,
            "author_name": "Ada",
            "author_email": "ada@acme.example",
            "authored_at": NOW - timedelta(days=30),
            "subject": f"Change number {number} of many",
            "seen_at": NOW - timedelta(days=30),
            "state": "compiled",
            "digest": f"sha256:{number:064x}",
        }


def _bundles() -> Iterator[dict[str, Any]]:
    for number in range(BUNDLES):
        yield {
            **WHERE,
            "digest": f"sha256:{number:064x}",
            "length": 1,
            "blob_sha256": "0" * 64,
            "blob_length": 1,
            "commit": f"{number:040x}",
            "compiler": "sentinel-compiler/0.3.0",
            "created_at": NOW - timedelta(days=30),
            "environments": {name: {"config-id": "0" * 16, "restart-key": "1" * 16} for name in ENVIRONMENTS},
        }


def _rollouts() -> Iterator[dict[str, Any]]:
    for number in range(ROLLOUTS):
        yield {
            **WHERE,
            "environment": ENVIRONMENTS[number % 3],
            "name": f"r-1{number:04d}",
            "digest": f"sha256:{number:064x}",
            "strategy": "rolling",
            "state": "superseded",
            "opened_at": NOW - timedelta(days=20),
            "ended_at": NOW - timedelta(days=19),
            "view": {"steps": [], "commit": f"{number:040x}"},
        }


def _releases() -> Iterator[dict[str, Any]]:
    for number in range(BUNDLES):
        yield {
            **WHERE,
            "environment": "production",
            "sha": f"{number:040x}",
            "height": number - BUNDLES,
            "subject": f"Advance rollout r-1{number % ROLLOUTS:04d} in production",
            "author_name": "reconciler",
            "author_email": "reconciler@acme.example",
            "committed_at": NOW - timedelta(days=20),
            "ours": True,
            "trailers": [["Rollout", f"r-1{number % ROLLOUTS:04d}"]],
        }


def _events() -> Iterator[dict[str, Any]]:
    for number in range(EVENTS):
        yield {
            **WHERE,
            "kind": "node.active",
            "subject": f"bench-{number % NODES:05d}",
            "message": "runs it",
            "at": NOW,
        }


def _acts() -> Iterator[dict[str, Any]]:
    for number in range(ACTS):
        yield {
            **WHERE,
            "number": number + 1_000,
            "at": NOW - timedelta(minutes=ACTS - number),
            "actor_kind": "person",
            "actor": f"person-{number % 40:02d}@acme.example",
            "action": "change.asked",
            "subject": f"c_{number:016x}",
            "outcome": "refused" if number % 9 == 0 else "done",
            "details": {"operation": "promote", "environment": "production"},
            "address": "192.0.2.7",
            "source": f"bench-{number}",
        }


def _risks() -> Iterator[dict[str, Any]]:
    for number in range(BUNDLES):
        yield {
            **WHERE,
            "environment": "production",
            "digest": f"sha256:{number:064x}",
            "against": digest(5),
            "level": "low",
            "judged_at": NOW,
        }


def _outline() -> None:
    snapshot, _ = read_snapshot(SourceFile(path, content) for path, content in corpus(SERVICES).items())
    if snapshot is None:
        raise RuntimeError("the corpus does not compile")
    for one in outlines(snapshot):
        ConfigurationOutline.update(document=json.dumps(one.to_json())).where(
            ConfigurationOutline.environment == one.graph.environment
        ).execute()
