"""Certificates that have ended, have not begun or end soon, at a given moment.

Apart from the compiler, because what a commit compiles to never depends on the clock. Only what something uses counts.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from reconciler.compile.carried import chains
from reconciler.compile.in_use import CertificateInUse
from reconciler.config.findings import Finding, Severity
from reconciler.config.report import Problem, Report
from reconciler.config.snapshot import Snapshot


def expiry_findings(snapshot: Snapshot, *, now: datetime) -> tuple[Finding, ...]:
    """What is to be said of the certificates of a snapshot that compiles. One for each certificate and state."""
    if not any(kind == "certificate" for kind, _ in snapshot.resources):
        return ()
    report = Report()
    told: dict[tuple[str, str], tuple[Problem, list[str]]] = {}
    for environment in snapshot.environments:
        for one in chains(snapshot.rendering(environment)).certificates:
            for problem in _problems(one, now):
                told.setdefault((one.name, problem.message), (problem, []))[1].append(environment)
    for (name, _), (problem, environments) in told.items():
        where = f" (in {', '.join(environments)})"
        full = Problem(
            problem.code, problem.message + where, problem.expected, problem.hint, problem.severity
        )
        resource = snapshot.resources[("certificate", name)]
        chain = resource.effective(environments[0])["chain"]
        report.add(resource.mark(("chain",), environment=environments[0], value=chain), full)
    return report.resolved()


def days_left(expires: datetime, now: datetime) -> int:
    """Whole days until then, rounded down; negative when it is past."""
    return (expires - now) // timedelta(days=1)


def _problems(one: CertificateInUse, now: datetime) -> Iterator[Problem]:
    renew = f"run: sentinelctl certificate renew {one.name} --cert FILE --key FILE"
    if now >= one.expires:
        yield Problem(
            "E-CRT-001",
            f"the certificate '{one.name}' ended on {_day(one.expires)}",
            f"a certificate that holds on {_day(now)}",
            renew,
        )
    elif now < one.begins:
        yield Problem(
            "E-CRT-002",
            f"the certificate '{one.name}' holds from {_day(one.begins)} on, and not yet",
            f"a certificate that holds on {_day(now)}",
            "wait until then, or have one issued that holds now",
        )
    elif (one.expires - now) <= timedelta(seconds=one.warn_seconds):
        left = days_left(one.expires, now)
        yield Problem(
            "W-CRT-001",
            f"the certificate '{one.name}' ends on {_day(one.expires)}, in {left} {'day' if left == 1 else 'days'}",
            "a certificate that holds longer",
            renew,
            Severity.warning,
        )


def _day(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M} UTC"
