"""Rebuilds one live bundle from its commit and writes down what came of it. A bundle that is not what its commit
compiles to is an event and needs attention; another compiler than the one that made it is neither."""

from __future__ import annotations

from collections.abc import Callable

from reconciler.bundle import archive
from reconciler.bundle.limits import LIMITS
from reconciler.bundle.statement import Statement, peek_statement
from reconciler.compile.compiler import COMPILER
from reconciler.db.evidence import Reproduction
from reconciler.db.models import Event
from reconciler.db.session import writing
from reconciler.errors import Refused
from reconciler.flows.context import Context
from reconciler.flows.outcome import Outcome
from reconciler.flows.reproduction import Reproduction as Result
from reconciler.flows.reproduction import Verdict, reproduce
from reconciler.store import layout
from reconciler.store.port import Missing

DAMAGED = "damaged"
CALM = frozenset({Verdict.identical, Verdict.other_compiler})
"""Outcomes that nobody has to look at."""

MOST_NAMES = 50
"""Differing files that are written down; of more nobody reads all."""


def run(context: Context, digest: str, renew: Callable[[], None]) -> Outcome:
    """Rebuild the bundle `digest` and keep the result. Raises `Transient` and `Stalled` as store and forge do."""
    try:
        stated, files = _stored(context, digest)
    except (Missing, Refused) as fault:
        return _write(context, digest, DAMAGED, str(fault), [])
    renew()
    if stated.compiler == COMPILER and not context.mirror.has_commit(stated.commit):
        context.mirror.fetch()
        renew()
    found = reproduce(context.mirror, stated, files, now=context.now())
    return _write(context, digest, found.verdict, found.because, _names(found))


def _stored(context: Context, digest: str) -> tuple[Statement, archive.Files]:
    organization, project = context.organization.slug, context.project.slug
    envelope = context.store.get(layout.statement(organization, project, digest), limit=LIMITS.statement)
    stated = peek_statement(envelope, limit=LIMITS.statement)
    tar = archive.decompress(
        context.store.get(layout.bundle(organization, project, digest), limit=LIMITS.blob)
    )
    if not stated.digest == archive.digest_of(tar) == digest:
        raise Refused(
            "E-RPR-001",
            f"under {digest} there are a bundle with the digest {archive.digest_of(tar)} and a statement about "
            f"{stated.digest}",
        )
    return stated, archive.read_tar(tar)


def _names(found: Result) -> list[str]:
    return [difference.path for difference in found.differences][:MOST_NAMES]


def _write(context: Context, digest: str, outcome: str, because: str, names: list[str]) -> Outcome:
    now = context.now()
    scope = {"organization": context.organization.slug, "project": context.project.slug, "digest": digest}
    row = {"outcome": outcome, "because": because, "details": names, "compiler": COMPILER, "checked_at": now}
    if outcome == Verdict.identical:
        row["identical_at"] = now
    with writing():
        before = Reproduction.get_or_none(**scope)
        if before is None:
            Reproduction.create(**scope, **row)
        else:
            Reproduction.update(**row).where(Reproduction.id == before.id).execute()
        if outcome not in CALM and (before is None or before.outcome != outcome):
            Event.create(
                organization=context.organization.slug,
                project=context.project.slug,
                kind="bundle.not-reproducible",
                subject=digest,
                message=because,
                details={"outcome": outcome, "files": names, "code": "E-RPR-002"},
                at=now,
            )
    same = before is not None and before.outcome == outcome
    return Outcome("unchanged" if same else "changed", because)
