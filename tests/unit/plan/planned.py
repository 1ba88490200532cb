"""Small projects, and the plans of merging one into another."""

from __future__ import annotations

import re
from datetime import UTC, datetime

from reconciler.bundle.build import build_bundle
from reconciler.cli.validate import check
from reconciler.config.source import SourceFile
from reconciler.plan.model import Plan, Side, Standing
from reconciler.plan.planning import make_plan

NOW = datetime(2026, 11, 24, 20, 0, tzinfo=UTC)
HEAD, BASE, MERGED = "a" * 40, "b" * 40, "c" * 40
PROJECT = 'project "shop"\n'
ENVIRONMENTS = """\
environment "dev" { proxy-version "0.6.20"; policy { strategy "all-at-once" } }
environment "production" {
    proxy-version "0.6.20"
    after "dev"
    policy { strategy "rolling"; batches percent=25; approvals 2 }
}
"""
LISTENER = 'listener "public" { address "0.0.0.0:8080" }\n'
UPSTREAM = 'upstream "shop" { target "10.0.0.1:8080" }\n'
GUARD = """\
auth-policy "customers" {
    oidc { issuer "https://id.example"; jwks-url "https://id.example/jwks.json"; audience "shop" }
}
"""
FREEZE = """\
freeze-window "christmas" {
    reason "Nobody is here"
    zone "Europe/Berlin"
    environments "production"
    once "2026-11-20T00:00" "2027-01-02T08:00"
}
"""
COMMON = (PROJECT, ENVIRONMENTS, LISTENER, UPSTREAM)


def service(name: str, inside: str = "") -> str:
    return f'service "{name}" {{ hosts "{name}.example"; upstream "shop"; {inside} }}\n'


def side(commit: str, *parts: str) -> Side:
    files = [SourceFile(f"part-{n}.kdl", part.encode()) for n, part in enumerate(parts)]
    compilation, findings = check(files)
    digest = build_bundle(compilation).digest if compilation is not None else ""
    return Side(commit, commit[:1] * 40, findings, compilation, digest)


def plan_of(before: Side, after: Side | None, **more: object) -> Plan:
    standings = more.pop(
        "standings", {"dev": Standing("sha256:" + "1" * 64, 3), "production": Standing("", 40)}
    )
    return make_plan(Side(HEAD, "e" * 40), before, after, now=NOW, standings=standings, **more)  # type: ignore[arg-type]


def steady(text: str) -> str:
    """Without what another version of the compiler makes different."""
    text = re.sub(r"sha256:[0-9a-f]{64}", "sha256:DIGEST", text)
    text = re.sub(r"sentinel-compiler/[0-9.]+", "sentinel-compiler/VERSION", text)
    return re.sub(r"→ `[0-9a-f]{12}`", "→ `DIGEST`", text)
