"""The pages of a project's changes: overview with the matrix, commit, environment, rollout and bundle."""

from __future__ import annotations

from flask import abort, request

from reconciler.db.models import Commit, Environment
from web.auth.actions import needs
from web.pages import commands, cursors, matrix, reads, risks
from web.pages.entrance import entry, project_blueprint, scope
from web.pages.findings import findings
from web.pages.ladder import Ladder, ladder
from web.pages.overview import Overview, offered_certificates, overview
from web.pages.rendering import now, page, stamp
from web.pages.times import moment

blueprint = project_blueprint("project")

COMMITS = 25
RELEASES = 25
ROLLOUTS = 20


@blueprint.get("/")
@needs("pages:read")
def index() -> str:
    """The page of a project: where is my change, and what is it waiting for?"""
    where, at = scope(), stamp(scope())
    before = cursors.number(request.args.get("before"), "before")
    state = overview(where, now=now())
    rows, more = matrix_rows(state.environments, before)
    return page(
        "project.html",
        "attention",
        "matrix",
        "ladders",
        "waiting",
        "fleet",
        stamp=at,
        overview=state,
        rows=rows,
        before=before,
        more=more,
        ladders=ladders_of(state),
        refused=findings(state.newest.findings) if state.newest and state.newest.state == "refused" else [],
        moment=moment,
    )


def matrix_rows(environments: list[Environment], before: int | None) -> tuple[list[matrix.Row], int | None]:
    """One page of the matrix, and the position from which the next one goes on."""
    found = reads.commits(scope(), before=before, limit=COMMITS + 1)
    shown, older = found[:COMMITS], found[COMMITS] if len(found) > COMMITS else None
    rollouts = reads.rollouts_of_digests(scope(), (commit.digest for commit in shown))
    stations = reads.stations(scope(), environments)
    marks = risks.marks(shown, environments, reads.risks_of(scope(), (commit.digest for commit in shown)))
    rows = matrix.rows(shown, environments, rollouts, older=older, stations=stations, risks=marks)
    return rows, shown[-1].position if older else None


def ladders_of(state: Overview) -> list[Ladder]:
    """The rollouts to show as ladders, in promotion order: those under way, and a last one that was rolled back."""
    under_way = {row.environment: row for row in reversed(state.under_way)}
    found = []
    for environment in state.environments:
        row = under_way.get(environment.name) or state.newest_rollouts.get(environment.name)
        if row is not None and row.state in ("open", "paused", "partial", "rolled-back"):
            found.append(ladder(row))
    return found


@blueprint.get("/commits/<sha>")
@needs("pages:read")
def commit(sha: str) -> str:
    """One commit of trunk, and where it went."""
    at = stamp(scope())
    row = reads.commit(scope(), sha)
    if row is None:
        abort(404)
    environments = reads.environments(scope())
    cells = _cells(row, environments)
    return page(
        "commit.html",
        "commit",
        stamp=at,
        commit=row,
        cells=cells,
        findings=findings(row.findings),
        bundle=reads.bundle(scope(), row.digest) if row.digest else None,
        risks=risks.of_digest(row.digest, environments, reads.risks_of(scope(), [row.digest])),
        commands=commands.for_commit(entry(), row, cells),
    )


def _cells(row: Commit, environments: list[Environment]) -> tuple[matrix.Cell, ...]:
    older = reads.commits(scope(), before=row.position, limit=1)
    rollouts = reads.rollouts_of_digests(scope(), [row.digest])
    return matrix.rows([row], environments, rollouts, older=older[0] if older else None)[0].cells


@blueprint.get("/environments/<name>")
@needs("pages:read")
def environment(name: str) -> str:
    """One environment: what it runs, why it waits, and its history as its branch tells it."""
    at = stamp(scope())
    row = reads.environment(scope(), name)
    if row is None:
        abort(404)
    before = cursors.number(request.args.get("before"), "before")
    history = reads.releases(scope(), name, before=before, limit=RELEASES + 1)
    rollouts = reads.rollouts(scope(), environment=name, limit=ROLLOUTS)
    state = overview(scope(), now=now())
    view = row.view or {}
    digests = [(view.get("release") or {}).get("digest"), view.get("live")]
    return page(
        "environment.html",
        "environment",
        "history",
        stamp=at,
        environment=row,
        view=view,
        history=history[:RELEASES],
        more=history[RELEASES - 1].height if len(history) > RELEASES else None,
        before=before,
        rollouts=rollouts,
        ladders=[found for found in ladders_of(state) if found.row.environment == name],
        tally=state.tallies.get(name, {}),
        cohorts=reads.pointers(scope(), name),
        bundles={digest: reads.bundle(scope(), digest) for digest in digests if digest},
        commands=commands.for_environment(entry(), row, history),
        risks=_coming(row),
        batch_of=matrix.batch_of,
        moment=moment,
    )


def _coming(row: Environment) -> list[risks.Shown]:
    newest = reads.commits(scope(), limit=COMMITS)
    digests = [commit.digest for commit in newest] + [((row.view or {}).get("release") or {}).get("digest")]
    return risks.coming(row, newest, reads.risks_of(scope(), filter(None, digests)))


@blueprint.get("/environments/<name>/rollouts/<rollout>")
@needs("pages:read")
def rollout(name: str, rollout: str) -> str:
    """One rollout and its ladder."""
    at = stamp(scope())
    row = reads.rollout(scope(), name, rollout)
    if row is None:
        abort(404)
    found = ladder(row)
    return page(
        "rollout.html",
        "rollout",
        stamp=at,
        ladder=found,
        commands=commands.for_rollout(row),
        commit=reads.commits_of(scope(), [found.commit]).get(found.commit),
        releases=[
            release
            for release in reads.releases(scope(), name, limit=200)
            if ["Rollout", row.name] in [list(trailer) for trailer in release.trailers]
        ],
    )


@blueprint.get("/certificates")
@needs("pages:read")
def certificates() -> str:
    """The certificates that nodes are offered, and how long they hold."""
    at = stamp(scope())
    return page(
        "certificates.html",
        "certificates",
        stamp=at,
        rows=offered_certificates(scope(), reads.environments(scope()), now=now()),
    )


@blueprint.get("/bundles/<digest>")
@needs("pages:read")
def bundle(digest: str) -> str:
    """One bundle: which commits compile to it, and where it went."""
    at = stamp(scope())
    row = reads.bundle(scope(), digest)
    if row is None:
        abort(404)
    environments = reads.environments(scope())
    return page(
        "bundle.html",
        "bundle",
        stamp=at,
        bundle=row,
        risks=risks.of_digest(digest, environments, reads.risks_of(scope(), [digest])),
        commands=commands.for_bundle(
            digest, [e.name for e in environments if (e.view or {}).get("live") != digest]
        ),
        commits=reads.commits_with_digest(scope(), digest, limit=50),
        rollouts=reads.rollouts(scope(), digest=digest, limit=50),
        environments=environments,
        reproduction=next(iter(reads.reproductions(scope(), [digest])), None),
    )
