"""A realistic project in the tables: one of everything that a page can show."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

from reconciler.cli.folder import read_folder
from reconciler.clock import iso
from reconciler.compile.outlining import outlines
from reconciler.db.forge import Pull
from reconciler.db.gating import Drift
from reconciler.db.intake import Gap, Receipt
from reconciler.db.models import (
    Bundle,
    Commit,
    Environment,
    Event,
    Node,
    Pointer,
    Release,
    Rollout,
)
from reconciler.db.outlines import ConfigurationOutline
from reconciler.db.risk import Risk
from reconciler.db.session import writing
from reconciler.fleet.cohorts import Assignment, OpenRollout, Target
from reconciler.fleet.ranks import rank
from reconciler.outline.outline import SecretValue
from reconciler.plan.model import Plan
from reconciler.plan.summary import summary
from tests.unit.plan.planned import BASE, COMMON, GUARD, MERGED, plan_of, service, side
from web.catalogue import FixedCatalogue, ProjectEntry

NOW = datetime(2026, 11, 23, 20, 31, 4, tzinfo=UTC)
ORGANIZATION, PROJECT = "acme", "shop"
ENVIRONMENTS = ("dev", "staging", "production")
PEOPLE = (
    ("Maren Ostrowski", "maren@acme.example"),
    ("Ifeoma Adeyemi", "ifeoma@acme.example"),
    ("Jonas Lindqvist", "jonas@acme.example"),
)
SHOP = ProjectEntry(
    organization=ORGANIZATION,
    organization_name="Acme",
    slug=PROJECT,
    name="Shop",
    repository="https://git.acme.example/edge/shop.git",
    trunk="main",
    branch_prefix="",
    connection="origin",
    forge="github",
)
RIVAL = ProjectEntry(
    organization="rival",
    organization_name="Rival & Sons",
    slug="mail",
    name="Mail",
    repository="https://git.rival.example/mail.git",
    trunk="main",
    branch_prefix="mail/",
    connection="",
)
CATALOGUE = FixedCatalogue((SHOP, RIVAL))

SUBJECTS = (
    ("refused", "Route /api/v3 to the new checkout pool"),
    ("compiled", "Raise the idle timeout of the search upstream"),
    ("compiled", "Send 10 % of image traffic to the second data centre"),
    ("skipped", "Fix a typo in the listener's comment"),
    ("compiled", "Add health checks to the payments upstream"),
    ("compiled", "Move basket to its own upstream"),
    ("same", "Reformat services/ with sentinelctl fmt"),
    ("compiled", "Answer /healthz on every listener"),
    ("compiled", "Point recommendations at the new cluster"),
    ("compiled", "Retry idempotent requests twice"),
    ("compiled", "Let staging use the canary search pool"),
    ("skipped", "Sort the upstreams by name"),
    ("compiled", "Trim request headers to 16 KiB"),
    ("compiled", "Start from the template"),
)
"""The newest first. `same` compiles to the digest of the commit before it."""

FINDINGS = [
    {
        "code": "E-REF-004",
        "severity": "error",
        "path": "services/checkout.kdl",
        "line": 14,
        "column": 14,
        "message": "upstream 'paymets' does not exist",
        "expected": "the name of an upstream",
        "hint": "did you mean 'payments'?",
    },
    {
        "code": "E-VAL-011",
        "severity": "error",
        "path": "environments/production.kdl",
        "line": 9,
        "column": 23,
        "message": "batch-percent is 140",
        "expected": "a whole number from 1 to 100",
        "hint": "",
    },
    {
        "code": "E-SYN-020",
        "severity": "warning",
        "path": "services/search.kdl",
        "line": 3,
        "column": 5,
        "message": "'timeout' stands twice and the last one counts",
        "expected": "",
        "hint": "remove one of the two",
    },
]


FREEZES = [
    {
        "name": "weekends",
        "reason": "nobody is there to look",
        "zone": "Europe/Berlin",
        "environments": ["production"],
        "once": [],
        "weekly": [["friday 16:00", "monday 08:00"]],
        "yearly": [],
        "holidays": [],
        "owner": "release",
        "hotfix_approvals": 1,
    },
    {
        "name": "year-end",
        "reason": "the books are closed",
        "zone": "UTC",
        "environments": ["staging", "production"],
        "once": [],
        "weekly": [],
        "yearly": [["12-20", "01-02"]],
        "holidays": [],
        "owner": "",
        "hotfix_approvals": None,
    },
]


DIFFERENCE = [
    {
        "action": "removed",
        "area": "auth",
        "kind": "route",
        "name": "checkout.1",
        "was": None,
        "fields": [{"path": "filters", "before": "customers", "after": None}],
        "left_out": 0,
        "routes": ["checkout.1"],
    },
    {
        "action": "changed",
        "area": "upstream",
        "kind": "upstream",
        "name": "basket",
        "was": None,
        "fields": [
            {"path": "timeouts.request-secs", "before": "30", "after": "5"},
            {"path": "targets", "before": "10.0.0.1:80", "after": "10.0.0.1:80, 10.0.0.2:80"},
        ],
        "left_out": 12,
        "routes": ["cart", "checkout.1"],
    },
    {
        "action": "added",
        "area": "route",
        "kind": "route",
        "name": "basket.1",
        "was": None,
        "fields": [{"path": "upstream", "before": None, "after": "basket"}],
        "left_out": 0,
        "routes": ["basket.1"],
    },
]


def sha(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:40]


def digest(number: int) -> str:
    return "sha256:" + hashlib.sha256(f"bundle {number}".encode()).hexdigest()


def policy(name: str) -> dict[str, Any]:
    place = ENVIRONMENTS.index(name)
    return {
        "name": name,
        "after": list(ENVIRONMENTS[place - 1 : place]) if place else [],
        "proxy_version": "1.4.2",
        "strategy": "rolling" if place else "all-at-once",
        "batch_percent": 25 if place else None,
        "batch_size": None,
        "max_unavailable": 1,
        "promote": "manual" if place else "automatic",
        "on_failure": "rollback" if name == "production" else "pause",
        "min_healthy_seconds": 30,
        "progress_deadline_seconds": 600,
        "stale_after_seconds": 60,
        "admin_port": 9901,
        "freezes": [window for window in FREEZES if name in window["environments"]],
        "approvals": {
            "count": 2,
            "people": ["maren@acme.example"],
            "teams": [["release", ["ifeoma@acme.example", "jonas@acme.example"]]],
        }
        if name == "production"
        else {"count": 0, "people": [], "teams": []},
    }


def commit_sha(number: int) -> str:
    """The id of commit `number`; 14 is the newest."""
    return sha(f"commit {number}")


def ago(**spans: float) -> datetime:
    return NOW - timedelta(**spans)


def fill(organization: str = ORGANIZATION, project: str = PROJECT, *, salt: str = "") -> None:
    """Fill the tables of one project. `salt` makes ids of another project differ."""
    where = {"organization": organization, "project": project}
    with writing():
        _commits(where)
        _environments(where)
        _risks(where)
        _rollouts(where)
        _releases(where)
        _nodes(where, salt)
        _events(where, salt)
        _pulls(where)
        _drift(where)
        _outlines(where)


def _commits(where: dict[str, str]) -> None:
    newest = len(SUBJECTS)
    for place, (kind, subject) in enumerate(SUBJECTS):
        number = newest - place
        name, mail = PEOPLE[number % len(PEOPLE)]
        compiled = kind in ("compiled", "same")
        built = digest(number - 1 if kind == "same" else number)
        seen = ago(minutes=3 + 47 * place**1.6)
        Commit.create(
            **where,
            sha=commit_sha(number),
            parent=commit_sha(number - 1) if number > 1 else "",
            position=number,
            author_name=name,
            author_email=mail,
            authored_at=seen - timedelta(minutes=4),
            subject=subject,
            seen_at=seen,
            state="compiled" if compiled else kind,
            digest=built if compiled else "",
            reason=""
            if compiled
            else "2 errors"
            if kind == "refused"
            else "not the newest commit of its push",
            findings=FINDINGS if kind == "refused" else [],
            policies=[policy(name) for name in ENVIRONMENTS] if compiled else [],
        )
        if kind == "compiled":
            Bundle.create(
                **where,
                digest=built,
                length=48_640 + 512 * number,
                blob_sha256=hashlib.sha256(built.encode()).hexdigest(),
                blob_length=9_310 + 61 * number,
                commit=commit_sha(number),
                compiler="sentinel-compiler/0.1.0",
                created_at=seen + timedelta(seconds=2),
                environments={
                    name: {
                        "config-id": sha(f"{number}{name}")[:16],
                        "restart-key": sha(name)[:16],
                        "proxy-version": "0.6.20",
                        "secrets": {"mail-password": {"version": 1, "sha256": "0" * 64}},
                    }
                    for name in ENVIRONMENTS
                },
                certificates={name: certificates(number) for name in ENVIRONMENTS},
                files={
                    f"config/{name}/sentinel.kdl": [9_000 + number, hashlib.sha256(name.encode()).hexdigest()]
                    for name in ENVIRONMENTS
                },
                tree=sha(f"tree {number}"),
                author=f"{name} <{mail}>",
            )


def certificates(number: int) -> list[dict[str, Any]]:
    """What a bundle says of its certificates: the shop's was renewed with bundle 10, and that of the edge ends soon."""
    renewed = number >= 10
    return [
        {
            "name": "edge",
            "subject": "edge.acme.example",
            "issuer": "Acme Internal CA 2",
            "hosts": ["edge.acme.example"],
            "key": "ECDSA P-256",
            "secret": "edge-key",
            "version": 1,
            "begins": iso(ago(days=350)),
            "expires": iso(NOW + timedelta(days=9, hours=3)),
            "sha256": sha("edge") + "0" * 24,
            "warn_seconds": 21 * 86400,
            "used_by": ["upstream payments"],
        },
        {
            "name": "shop",
            "subject": "shop.acme.example",
            "issuer": "R11",
            "hosts": ["*.shop.acme.example", "shop.acme.example"],
            "key": "ECDSA P-256",
            "secret": "shop-key",
            "version": 3 if renewed else 2,
            "begins": iso(ago(days=20 if renewed else 55)),
            "expires": iso(NOW + timedelta(days=70 if renewed else 35)),
            "sha256": sha("shop 3" if renewed else "shop 2") + "0" * 24,
            "warn_seconds": 21 * 86400,
            "used_by": ["listener public"],
        },
    ]


def _environments(where: dict[str, str]) -> None:
    common = {"quarantine": [], "holds": [], "waiting": [], "look_again_at": None, "because": ""}
    Environment.create(
        **where,
        name="dev",
        position=0,
        head=sha("dev head"),
        sequence=31,
        rollout="r-0013",
        updated_at=ago(seconds=40),
        view={
            **common,
            "policy": policy("dev"),
            "live": digest(13),
            "because": "Every node runs its release.",
            "release": {
                "digest": digest(13),
                "commit": commit_sha(13),
                "why": "newest valid commit of main",
                "by": "reconciler",
            },
            "history": [
                {"digest": digest(13), "rollout": "r-0013", "sequence": 31, "completed": iso(ago(hours=1))}
            ],
        },
    )
    Environment.create(
        **where,
        name="staging",
        position=1,
        head=sha("staging head"),
        sequence=18,
        rollout="r-0008",
        assignment=assigned("r-0008", ago(minutes=6)),
        updated_at=ago(seconds=22),
        view={
            **common,
            "policy": policy("staging"),
            "live": digest(10),
            "release": {
                "digest": digest(12),
                "commit": commit_sha(12),
                "why": "try the second data centre",
                "by": "Ifeoma Adeyemi",
            },
            "waiting": [
                {
                    "code": "W-GAT-001",
                    "message": "batch 2 of 3: 2 of 3 nodes have been healthy for 30 s, the last one for 12 s",
                }
            ],
            "look_again_at": iso(NOW + timedelta(seconds=18)),
            "history": [
                {"digest": digest(10), "rollout": "r-0007", "sequence": 15, "completed": iso(ago(hours=9))}
            ],
        },
    )
    Environment.create(
        **where,
        name="production",
        position=2,
        head=sha("production head"),
        sequence=44,
        rollout="r-0006",
        assignment=assigned("r-0006", ago(minutes=38)),
        updated_at=ago(minutes=2),
        view={
            **common,
            "policy": policy("production"),
            "live": digest(5),
            "release": {
                "digest": digest(9),
                "commit": commit_sha(9),
                "why": "baskets for the sale",
                "by": "Maren Ostrowski",
            },
            "waiting": [
                {"code": "W-HLD-001", "message": "a hold stands: the sale ends at 22:00 UTC"},
                {"code": "W-REL-040", "message": "1 of 2 approvals: one of release is missing"},
            ],
            "plan": "12ab" * 16,
            "approvals": [
                {
                    "person": "jonas@acme.example",
                    "why": "read the diff",
                    "hotfix": "",
                    "counts": True,
                    "because": "signed by a key of allowed-signers",
                },
                {
                    "person": "maren@acme.example",
                    "why": "",
                    "hotfix": "",
                    "counts": False,
                    "because": "wrote what the release brings, and may not approve it",
                },
            ],
            "holds": [{"name": "sale", "reason": "the sale ends at 22:00 UTC", "owner": "Jonas Lindqvist"}],
            "quarantine": [
                {"digest": digest(7), "why": "rolled back by r-0005: 2 of 4 nodes became unhealthy"}
            ],
            "history": [
                {"digest": digest(2), "rollout": "r-0003", "sequence": 21, "completed": iso(ago(days=3))},
                {"digest": digest(5), "rollout": "r-0004", "sequence": 30, "completed": iso(ago(days=1))},
            ],
        },
    )
    for environment, cohort, sequence, number in (
        ("dev", "base", 31, 13),
        ("staging", "base", 18, 10),
        ("staging", "next", 18, 12),
        ("production", "base", 44, 5),
        ("production", "next", 44, 9),
    ):
        Pointer.create(
            **where,
            environment=environment,
            cohort=cohort,
            sequence=sequence,
            digest=digest(number),
            envelope="{}",
            etag=sha(f"{environment}{cohort}"),
            issued_at=ago(minutes=12),
        )


def assigned(rollout: str, opened: datetime) -> dict[str, Any]:
    return Assignment(OpenRollout(rollout, Target(opened), {"": "8fffffffffffffff"})).to_json()


def reason(rule: str, level: str, text: str, *routes: str) -> dict[str, Any]:
    return {
        "rule": rule,
        "level": level,
        "reason": text,
        "routes": list(routes),
        "concerned": max(len(routes), 1),
    }


@cache
def outline_texts() -> dict[str, str]:
    """The outlines of the repository that projects start from, by environment, with what it lacks added."""
    snapshot, _, _ = read_folder(Path(__file__).resolve().parents[3] / "repo-template")
    assert snapshot is not None
    day = NOW.date()
    found = {}
    for one in outlines(snapshot):
        production = one.graph.environment == "production"
        extra = (
            SecretValue(
                "edge-key", "Key of the edge's certificate", 3, day - timedelta(days=120), 90, "secrets.kdl"
            ),
            SecretValue("mail-password", "", 1 if production else None, None, None, "mail.kdl"),
        )
        waf = tuple(
            replace(
                policy,
                rules=((942100, "disable", "Wrong about every second order"),),
                exclusions=(
                    ("search-box", (942151,), "path /search, parameter q", "People search for books"),
                ),
            )
            for policy in one.waf
        )
        found[one.graph.environment] = json.dumps(
            replace(one, secrets=(*one.secrets, *extra), waf=waf).to_json()
        )
    return found


def _outlines(where: dict[str, str]) -> None:
    """What is kept of the configurations that the environments run, and of the newest."""
    for number in (5, 10, 13):
        for environment, text in outline_texts().items():
            ConfigurationOutline.create(
                **where,
                environment=environment,
                digest=digest(number),
                commit=commit_sha(number),
                document=text,
                noted_at=ago(hours=1),
            )


def _drift(where: dict[str, str]) -> None:
    """One that is over: what lasts would be among what needs attention."""
    Drift.create(
        **where,
        environment="production",
        desired=digest(5),
        running=digest(2),
        severity="high",
        summary="1 route asks for less authentication",
        nodes=3,
        examples=["edge-fra-03: E-VER-011"],
        since=ago(hours=30),
        seen_at=ago(hours=29),
        resolved_at=ago(hours=29),
    )


def _risks(where: dict[str, str]) -> None:
    """Production's next and newest bundles, staging's rollout, and one that was judged when something else ran."""
    rows: tuple[tuple[str, int, int, str, list[dict[str, Any]]], ...] = (
        (
            "production",
            13,
            5,
            "critical",
            [
                reason(
                    "auth-removed", "critical", "checkout.1 is no longer guarded by customers", "checkout.1"
                ),
                reason(
                    "rate-limit-raised", "medium", "search rises from 100 to 400 requests a second", "search"
                ),
                {
                    **reason(
                        "restart-needed", "medium", "the proxy has to start anew", *map(str, "abcdefgh")
                    ),
                    "concerned": 31,
                },
            ],
        ),
        (
            "production",
            12,
            5,
            "high",
            [reason("host-removed", "high", "storefront leaves www.shop.example", "storefront")],
        ),
        (
            "production",
            9,
            5,
            "medium",
            [reason("timeouts-cut", "medium", "a timeout falls from 30 to 5 s", "cart")],
        ),
        ("staging", 12, 10, "low", []),
        (
            "staging",
            13,
            10,
            "unknown",
            [reason("unknown", "unknown", "the bundle that runs there cannot be read")],
        ),
        ("staging", 9, 7, "high", [reason("waf-weakened", "high", "the WAF only detects", "cart")]),
    )
    for environment, number, against, level, reasons in rows:
        Risk.create(
            **where,
            environment=environment,
            digest=digest(number),
            against=digest(against),
            level=level,
            reasons=reasons,
            changes={"changed": 3, "removed": 1} if reasons else {"added": 1},
            difference=DIFFERENCE if reasons else DIFFERENCE[2:],
            judged_at=ago(minutes=9),
        )


def step(number: int, nodes: int, state: str, **more: Any) -> dict[str, Any]:
    return {
        "number": number,
        "nodes": nodes,
        "state": state,
        "since": None,
        "ended": None,
        "counts": None,
        "verdicts": [],
        **more,
    }


def counts(
    total: int, running: int, healthy: int, unhealthy: int = 0, refused: int = 0, silent: int = 0
) -> dict[str, int]:
    return {
        "total": total,
        "running": running,
        "healthy": healthy,
        "unhealthy": unhealthy,
        "refused": refused,
        "silent": silent,
    }


def verdict(kind: str, because: str, gate: str = "heartbeat") -> dict[str, str]:
    return {"gate": gate, "verdict": kind, "because": because}


def _rollouts(where: dict[str, str]) -> None:
    def rollout(
        environment: str, name: str, number: int, previous: int, state: str, opened: datetime, **more: Any
    ) -> None:
        ended = more.pop("ended", None)
        because = more.pop("because", "")
        Rollout.create(
            **where,
            environment=environment,
            name=name,
            digest=digest(number),
            strategy=policy(environment)["strategy"],
            previous=digest(previous) if previous else "",
            state=state,
            because=because,
            opened_at=opened,
            ended_at=ended,
            view={
                "steps": more.pop("steps"),
                "deadline": more.pop("deadline", None),
                "commit": commit_sha(number),
                "on_failure": policy(environment)["on_failure"],
                "max_unavailable": 1,
            },
        )

    def all_done(total: int, when: datetime) -> list[dict[str, Any]]:
        return [
            step(
                1,
                total,
                "done",
                since=iso(when),
                ended=iso(when + timedelta(minutes=2)),
                counts=counts(total, total, total),
                verdicts=[verdict("pass", f"{total} of {total} nodes run it and are healthy")],
            )
        ]

    for name, number, previous, age in (("r-0003", 2, 1, 72.5), ("r-0004", 5, 2, 25.0)):
        rollout(
            "production",
            name,
            number,
            previous,
            "completed",
            ago(hours=age),
            ended=ago(hours=age - 1),
            steps=all_done(24, ago(hours=age)),
        )
    for name, number, previous in (("r-0006", 5, 2), ("r-0007", 10, 5)):
        rollout(
            "staging",
            name,
            number,
            previous,
            "completed",
            ago(hours=11),
            ended=ago(hours=9),
            steps=all_done(6, ago(hours=11)),
        )
    for name, number in (("r-0009", 9), ("r-0010", 10), ("r-0012", 12), ("r-0013", 13)):
        rollout(
            "dev",
            name,
            number,
            number - 1,
            "completed",
            ago(hours=16 - number),
            ended=ago(hours=15 - number),
            steps=all_done(3, ago(hours=16 - number)),
        )
    rollout(
        "production",
        "r-0005",
        7,
        5,
        "rolled-back",
        ago(hours=20),
        ended=ago(hours=19),
        because="2 of 4 nodes of batch 1 became unhealthy, more than the 1 that may be unavailable",
        steps=[
            step(
                1,
                4,
                "failed",
                since=iso(ago(hours=20)),
                ended=iso(ago(hours=19)),
                counts=counts(4, 4, 2, unhealthy=2),
                verdicts=[
                    verdict("fail", "2 of 4 nodes are unhealthy: connection refused by 192.0.2.7:8080")
                ],
            ),
            step(2, 20, "waiting"),
        ],
    )
    rollout(
        "staging",
        "r-0008",
        12,
        10,
        "open",
        ago(minutes=6),
        deadline=iso(NOW + timedelta(minutes=7)),
        steps=[
            step(
                1,
                2,
                "done",
                since=iso(ago(minutes=6)),
                ended=iso(ago(minutes=3)),
                counts=counts(2, 2, 2),
                verdicts=[verdict("pass", "2 of 2 nodes run it and have been healthy for 30 s")],
            ),
            step(
                2,
                3,
                "active",
                since=iso(ago(minutes=3)),
                counts=counts(3, 3, 2),
                verdicts=[verdict("wait", "2 of 3 nodes have been healthy for 30 s, the last one for 12 s")],
            ),
            step(3, 1, "waiting"),
        ],
    )
    rollout(
        "production",
        "r-0006",
        9,
        5,
        "paused",
        ago(minutes=38),
        because="paused by the hold 'sale': the sale ends at 22:00 UTC",
        steps=[
            step(
                1,
                6,
                "done",
                since=iso(ago(minutes=38)),
                ended=iso(ago(minutes=30)),
                counts=counts(6, 6, 6),
                verdicts=[verdict("pass", "6 of 6 nodes run it and have been healthy for 30 s")],
            ),
            step(
                2,
                6,
                "active",
                since=iso(ago(minutes=30)),
                counts=counts(6, 5, 3, refused=1, silent=1),
                verdicts=[
                    verdict(
                        "wait", "3 of 6 nodes are healthy; 1 refused the bundle, 1 has been silent for 4 min"
                    )
                ],
            ),
            step(3, 12, "waiting"),
        ],
    )


def _releases(where: dict[str, str]) -> None:
    rows: tuple[tuple[str, list[list[str]], bool], ...] = (
        (
            "Pause rollout r-0006 in production: hold 'sale'",
            [
                ["Rollout", "r-0006"],
                ["Bundle", digest(9)],
                ["Because", "the sale ends at 22:00 UTC"],
                ["Actor", "reconciler"],
            ],
            True,
        ),
        ("Hold production until the sale ends", [["Actor", "Jonas Lindqvist"]], False),
        (
            "Advance rollout r-0006 in production: batch 1 of 3 healthy",
            [
                ["Rollout", "r-0006"],
                ["Bundle", digest(9)],
                ["Because", "6 of 6 nodes run it and have been healthy for 30 s"],
                ["Inputs", "sha256:" + "41ab" * 16],
                ["Actor", "reconciler"],
            ],
            True,
        ),
        (
            "Open rollout r-0006 in production: 3 batches",
            [["Rollout", "r-0006"], ["Bundle", digest(9)], ["Actor", "reconciler"]],
            True,
        ),
        ("Promote 9 to production", [["Bundle", digest(9)]], False),
        (
            "Roll back r-0005 in production: 2 of 4 nodes unhealthy",
            [
                ["Rollout", "r-0005"],
                ["Bundle", digest(5)],
                ["Because", "2 of 4 nodes of batch 1 became unhealthy"],
                ["Actor", "reconciler"],
            ],
            True,
        ),
    )
    for place, (subject, trailers, ours) in enumerate(rows):
        name, mail = ("Sentinel", "sentinel@acme.example") if ours else PEOPLE[place % 3]
        Release.create(
            **where,
            environment="production",
            sha=sha(f"release {place}"),
            height=60 - place,
            subject=subject,
            trailers=trailers,
            author_name=name,
            author_email=mail,
            committed_at=ago(minutes=2 + 9 * place),
            ours=ours,
        )


def _nodes(where: dict[str, str], salt: str) -> None:
    for environment, count, live in (("dev", 3, 13), ("staging", 6, 10), ("production", 24, 5)):
        for place in range(1, count + 1):
            name = f"{environment}-edge-{place:02d}"
            identifier = "n-" + sha(f"{salt}{name}")[:20]
            running = digest(live)
            rollout, following = {"staging": ("r-0008", 12), "production": ("r-0006", 9)}.get(
                environment, ("", live)
            )
            if rollout and rank(rollout, identifier) <= "8fffffffffffffff":
                running = digest(following)
            refusing = name == "production-edge-07"
            silent = name in ("production-edge-11", "staging-edge-05")
            Node.create(
                id=identifier,
                **where,
                environment=environment,
                name=name,
                key_sha256=sha(name) + "0" * 24,
                labels={"region": "eu-west" if place % 2 else "eu-north", "rack": f"b{place % 5}"},
                registered_at=ago(days=20, minutes=place),
                changed_at=ago(days=20),
                reported_at=None
                if name == "dev-edge-03"
                else ago(minutes=4)
                if silent
                else ago(seconds=2 + place % 7),
                running=digest(live) if refusing else "" if name == "dev-edge-03" else running,
                running_since=ago(minutes=25),
                config_id=sha(environment)[:16],
                delivered=digest(9) if refusing else running,
                sequence=44,
                health="unhealthy" if name == "production-edge-15" else "healthy",
                health_reason="2 of 9 upstreams answer 502" if name == "production-edge-15" else "",
                health_since=ago(minutes=22),
                refusal={
                    "code": "E-VER-009",
                    "message": "the blob has 9,371 bytes and the pointer says 9,859",
                    "digest": digest(9),
                    "sequence": 43,
                    "at": iso(ago(minutes=29)),
                }
                if refusing
                else None,
                versions={"proxy": "1.4.2", "agent": "0.1.0"},
                address=f"10.20.{ENVIRONMENTS.index(environment)}.{place}",
            )


@cache
def planned() -> Plan:
    """What a pull request would do that drops a route, and takes authentication from another."""
    guarded = service("a", 'auth "customers"')
    before = side(BASE, *COMMON, GUARD, guarded, service("b"))
    return plan_of(before, side(MERGED, *COMMON, GUARD, service("a")))


def _pulls(where: dict[str, str]) -> None:
    plan = planned()
    Pull.create(
        **where, number=7, head=commit_sha(14), onto=commit_sha(13), verdict=str(plan.verdict), plan=summary(plan),
        planned_at=ago(minutes=5),
    )  # fmt: skip


def _events(where: dict[str, str], salt: str) -> None:
    node = "n-" + sha(f"{salt}production-edge-07")[:20]
    for minutes, kind, subject, message in (
        (600, "commit.compiled", commit_sha(9), f"{commit_sha(9)[:8]} compiled to {digest(9)[7:19]}"),
        (60, "environment.changed", "dev", "r-0013 completed in dev"),
        (38, "rollout.opened", "production", "r-0006 opened in production: 3 batches"),
        (36, "node.activated", node, f"production-edge-07 runs {digest(5)[7:19]}"),
        (
            29,
            "node.refused",
            node,
            "production-edge-07 refused: the blob has 9,371 bytes and the pointer says 9,859",
        ),
        (3, "commit.refused", commit_sha(14), f"{commit_sha(14)[:8]} is refused: 2 errors"),
    ):
        Event.create(
            **where, kind=kind, subject=subject, message=message, details={}, at=ago(minutes=minutes)
        )
    Gap.create(
        organization=where["organization"],
        connection="origin",
        url="https://forge.example/edge/shop.git",
        ref="refs/heads/main",
        before=commit_sha(1),
        after=commit_sha(2),
        guess="the delivery was lost on its way: GitHub sends each once",
        found_at=ago(minutes=70),
    )
    for place in range(3):
        Receipt.create(
            organization=where["organization"],
            connection="origin",
            delivery=f"{salt}6f1c-{place}",
            event="push",
            repository="edge/shop",
            refs={
                "refs/heads/main" if place else "refs/heads/env/production": {
                    "before": commit_sha(place),
                    "after": commit_sha(place + 1),
                }
            },
            body_sha256="0" * 64,
            received_at=ago(minutes=3 + 40 * place),
        )
