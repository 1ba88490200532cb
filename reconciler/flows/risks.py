"""How dangerous a bundle is to each environment, judged against what the environment runs.

Both bundles are read from the store and compared in a confined child, which holds no key. What cannot be judged is
said to be unknown, and stands in nobody's way: this is told to people, and no rule decides by it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from reconciler.bundle import archive
from reconciler.bundle.build import BuiltBundle
from reconciler.bundle.contents import environment_in
from reconciler.bundle.limits import LIMITS
from reconciler.bundle.manifest import check_files
from reconciler.compile.compiler import Compilation, CompiledEnvironment
from reconciler.compile.diff.changes import Change
from reconciler.compile.diff.compare import compare_environments
from reconciler.compile.diff.meaning import Fact
from reconciler.compile.in_use import CertificateInUse
from reconciler.compile.risk import Risk, assess
from reconciler.db.models import Bundle, Commit, Environment
from reconciler.db.risk import Risk as Row
from reconciler.db.session import reading, writing
from reconciler.errors import Refused
from reconciler.flows.confined import Broken, Confinement, run_confined
from reconciler.flows.context import Context
from reconciler.store import layout
from reconciler.store.port import Missing

RECENT = 5
"""Commits ahead of what an environment runs that are judged anew when it runs something else."""

MOST_REASONS = 200
MOST_ROUTES = 50
"""Of one reason; a change of everything concerns every route, and a page shows some."""

MOST_CHANGES = 200
MOST_FIELDS = 24
LONGEST_VALUE = 200
"""Of a difference that is kept: a page shows no more, and `sentinelctl diff` has all of it."""

CONFINEMENT = Confinement(memory=1024 * 1024 * 1024, cpu_seconds=60, answer=16 * 1024 * 1024)

UNKNOWN = "unknown"
Target = tuple[str, str]
"""An environment's name, and the digest that it runs, empty for nothing."""


@dataclass(frozen=True, slots=True)
class Judged:
    """The risk of one bundle to one environment, as a row holds it."""

    environment: str
    digest: str
    against: str
    level: str
    reasons: list[dict[str, Any]]
    changes: dict[str, int]
    difference: list[dict[str, Any]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Side:
    """One bundle of a comparison: its blob, and what is told of its certificates, by environment."""

    digest: str
    blob: bytes
    certificates: Mapping[str, list[Any]]


def judge(context: Context, built: BuiltBundle, compilation: Compilation) -> list[Judged]:
    """The risk of a bundle that is not recorded yet, to its environments and to all that run something."""
    with reading():
        running = {row.name: _live(row) for row in _environments(context)}
    names = [e.name for e in compilation.environments] + [name for name, live in running.items() if live]
    certificates = {e.name: [one.to_json() for one in e.certificates] for e in compilation.environments}
    side = Side(built.digest, built.blob, certificates)
    return _judge(context, side, [(name, running.get(name, "")) for name in dict.fromkeys(names)])


def judge_missing(context: Context) -> int:
    """Judge and record what environments may be brought to next, against what they run now; how many were new."""
    with reading():
        wanted = _missing(context)
    done = 0
    for digest, targets in wanted.items():
        side = _side(context, digest)
        found = _judge(context, side, targets) if side is not None else []
        with writing():
            record(context, found)
        done += len(found)
    return done


def between(context: Context, environment: str, *, before: str, after: str) -> Judged:
    """The risk of one bundle that is recorded nowhere, to an environment that runs another one."""
    old, new = _side(context, before), _side(context, after)
    if old is None or new is None:
        return _unknown(environment, after, before, "one of the two bundles cannot be read")
    return _compared(environment, old, new)


def record(context: Context, judged: Iterable[Judged]) -> None:
    """Write risks that are not there. Call inside a transaction."""
    for one in judged:
        Row.insert(
            organization=context.organization.slug,
            project=context.project.slug,
            environment=one.environment,
            digest=one.digest,
            against=one.against,
            level=one.level,
            reasons=one.reasons,
            changes=one.changes,
            difference=one.difference,
            judged_at=context.now(),
        ).on_conflict_ignore().execute()


def _missing(context: Context) -> dict[str, list[Target]]:
    """Targets by digest: for each environment what is wished for, and the newest commits ahead of what it runs."""
    recent = [row.digest for row in _compiled(context).order_by(Commit.position.desc()).limit(RECENT)]
    wanted: dict[str, list[Target]] = {}
    for environment in _environments(context):
        live = _live(environment)
        ahead = recent[: recent.index(live)] if live in recent else recent
        wished = ((environment.view or {}).get("release") or {}).get("digest") or ""
        for digest in dict.fromkeys([wished, *ahead]):
            if digest and digest != live and not _known(context, environment.name, digest, live):
                wanted.setdefault(digest, []).append((environment.name, live))
    return wanted


def _judge(context: Context, side: Side, targets: list[Target]) -> list[Judged]:
    sides: dict[str, Side | None] = {}
    found = []
    for environment, live in targets:
        if live == side.digest:
            continue
        if live and live not in sides:
            sides[live] = _side(context, live)
        running = sides.get(live)
        if not live:
            found.append(Judged(environment, side.digest, "", "low", [], {}))
        elif running is None:
            words = "the bundle that runs there cannot be read"
            found.append(_unknown(environment, side.digest, live, words))
        else:
            found.append(_compared(environment, running, side))
    return found


def _compared(environment: str, before: Side, after: Side) -> Judged:
    words = "the two bundles cannot be compared"
    try:
        answer = run_confined(lambda: _answer(environment, before, after), CONFINEMENT)
        return Judged(environment, after.digest, before.digest, **json.loads(answer))
    except Broken as broken:
        words = f"{words}: {broken.words}"
    except (TypeError, ValueError):
        words = f"{words}: what was found cannot be read"
    return _unknown(environment, after.digest, before.digest, words)


def _answer(environment: str, before: Side, after: Side) -> bytes:
    """What runs in the child: level, reasons and counts as JSON."""
    old, new = _opened(before, environment), _opened(after, environment)
    difference = compare_environments(environment, old, new, raw=False)
    risk = assess(difference)
    counts: dict[str, int] = {}
    for change in difference.changes:
        counts[str(change.action)] = counts.get(str(change.action), 0) + 1
    answer = {"level": risk.level.name, "reasons": _reasons(risk), "changes": counts}
    return json.dumps({**answer, "difference": told(difference.changes)}).encode()


def told(changes: Sequence[Change]) -> list[dict[str, Any]]:
    """The first changes, cut to what a page shows. `left_out` of the fields of one says how many are missing."""
    return [
        {
            **change.to_json(),
            "fields": [
                {"path": one.path, "before": _short(one.before), "after": _short(one.after)}
                for one in change.fields[:MOST_FIELDS]
            ],
            "left_out": max(0, len(change.fields) - MOST_FIELDS),
            "routes": list(change.routes[:MOST_FIELDS]),
        }
        for change in changes[:MOST_CHANGES]
    ]


def _short(fact: Fact) -> str | None:
    """A fact as text, or None where there is none."""
    if fact is None:
        return None
    text = (
        ", ".join(map(str, fact))
        if isinstance(fact, tuple)
        else json.dumps(fact)
        if isinstance(fact, bool)
        else str(fact)
    )
    return text if len(text) <= LONGEST_VALUE else text[: LONGEST_VALUE - 1] + "…"


def _opened(side: Side, environment: str) -> CompiledEnvironment | None:
    """What a bundle has for an environment. Raises `Refused` when the blob is not the bundle of its digest."""
    tar = archive.decompress(side.blob)
    if archive.digest_of(tar) != side.digest:
        raise Refused("E-BND-004", "the blob is another bundle than its name says")
    files = archive.read_tar(tar)
    certificates = tuple(map(CertificateInUse.from_json, side.certificates.get(environment, ())))
    return environment_in(check_files(files), files, environment, certificates)


def _reasons(risk: Risk) -> list[dict[str, Any]]:
    return [
        {**reason.to_json(), "routes": list(reason.routes[:MOST_ROUTES]), "concerned": len(reason.routes)}
        for reason in risk.reasons[:MOST_REASONS]
    ]


def _unknown(environment: str, digest: str, live: str, because: str) -> Judged:
    reason = {"rule": UNKNOWN, "level": UNKNOWN, "reason": because, "routes": [], "concerned": 0}
    return Judged(environment, digest, live, UNKNOWN, [reason], {})


def _side(context: Context, digest: str) -> Side | None:
    """The bundle of a digest, or None when the store does not have it, or has too much."""
    key = layout.bundle(context.organization.slug, context.project.slug, digest)
    try:
        blob = context.store.get(key, limit=LIMITS.blob)
    except (Missing, Refused):
        return None
    with reading():
        row = Bundle.get_or_none(
            Bundle.organization == context.organization.slug,
            Bundle.project == context.project.slug,
            Bundle.digest == digest,
        )
    return Side(digest, blob, row.certificates if row is not None else {})


def _live(environment: Environment) -> str:
    return str((environment.view or {}).get("live") or "")


def _environments(context: Context):  # type: ignore[no-untyped-def]
    return (
        Environment.select()
        .where(
            Environment.organization == context.organization.slug,
            Environment.project == context.project.slug,
        )
        .order_by(Environment.position)
    )


def _compiled(context: Context):  # type: ignore[no-untyped-def]
    return Commit.select().where(
        Commit.organization == context.organization.slug,
        Commit.project == context.project.slug,
        Commit.state == "compiled",
    )


def _known(context: Context, environment: str, digest: str, against: str) -> bool:
    return bool(
        Row.select()
        .where(
            Row.organization == context.organization.slug,
            Row.project == context.project.slug,
            Row.environment == environment,
            Row.digest == digest,
            Row.against == against,
        )
        .exists()
    )
