"""The pages of what is released and may be: rollouts, bundles, approvals, the freeze calendar and drift."""

from __future__ import annotations

from flask import request

from reconciler.errors import Refused
from web.auth.actions import needs
from web.pages import approvals, commands, cursors, reads, risks
from web.pages import calendar as freezes
from web.pages.entrance import project_blueprint, scope
from web.pages.ladder import ladder
from web.pages.rendering import now, page, stamp
from web.pages.words import ROLLOUTS

blueprint = project_blueprint("release")

ROLLOUTS_SHOWN = 50
BUNDLES_SHOWN = 50
DRIFT_SHOWN = 50
LONGEST_SEARCH = 71


@blueprint.get("/approvals")
@needs("pages:read")
def waiting() -> str:
    """What waits for people: wishes that need approvals, and rollouts that stopped part way."""
    at = stamp(scope())
    environments = reads.environments(scope())
    wished = {row.name: (row.view or {}).get("release") or {} for row in environments}
    commits = reads.commits_of(scope(), (str(wish.get("commit") or "") for wish in wished.values()))
    queue = list(approvals.waiting(environments, commits))
    known = reads.risks_of(scope(), (one.digest for one in queue))
    rows = {row.name: row for row in environments}
    return page(
        "approvals.html",
        "approvals",
        stamp=at,
        queue=[
            (one, commands.for_approval(one.environment), risks.coming(rows[one.environment], [], known))
            for one in queue
        ],
        stopped=[
            (ladder(row), commands.for_rollout(row))
            for row in reads.rollouts_under_way(scope())
            if row.state in ("paused", "partial")
        ],
        asked=[(row.name, approvals.asked_of(row)) for row in environments],
    )


@blueprint.get("/calendar")
@needs("pages:read")
def calendar() -> str:
    """When releases are frozen: six weeks on a line, and every window in words."""
    at = stamp(scope())
    return page(
        "calendar.html",
        "calendar",
        stamp=at,
        calendar=freezes.calendar(reads.environments(scope()), now=now()),
    )


@blueprint.get("/drift")
@needs("pages:read")
def drift() -> str:
    """Which nodes run something else than git wants of them, and which did."""
    at = stamp(scope())
    before = cursors.number(request.args.get("before"), "before")
    past = reads.past_drift(scope(), before=before, limit=DRIFT_SHOWN + 1)
    return page(
        "drift.html",
        "drift",
        stamp=at,
        rows=[] if before else reads.drift(scope()),
        past=past[:DRIFT_SHOWN],
        environments=reads.environments(scope()),
        before=before,
        more=past[DRIFT_SHOWN - 1].id if len(past) > DRIFT_SHOWN else None,
    )


@blueprint.get("/rollouts")
@needs("pages:read")
def rollouts() -> str:
    """Rollouts, the newest first, by environment and state."""
    at = stamp(scope())
    environment, state = request.args.get("environment") or None, request.args.get("state") or None
    if state is not None and state not in ROLLOUTS:
        raise Refused(
            "E-WEB-006", "'state' is no state of a rollout", cure=f"Use one of {', '.join(ROLLOUTS)}"
        )
    before = cursors.number(request.args.get("before"), "before")
    found = reads.rollouts(
        scope(), environment=environment, state=state, before=before, limit=ROLLOUTS_SHOWN + 1
    )
    shown = found[:ROLLOUTS_SHOWN]
    shas = {row.id: str((row.view or {}).get("commit") or "") for row in shown}
    return page(
        "rollouts.html",
        "rollouts",
        stamp=at,
        rows=shown,
        shas=shas,
        commits=reads.commits_of(scope(), shas.values()),
        environments=reads.environments(scope()),
        chosen={"environment": environment, "state": state},
        before=before,
        more=shown[-1].id if len(found) > ROLLOUTS_SHOWN else None,
    )


@blueprint.get("/bundles")
@needs("pages:read")
def bundles() -> str:
    """Bundles, the newest first, found by the beginning of a digest or of a commit's id."""
    at = stamp(scope())
    search = (request.args.get("digest") or "").strip()[:LONGEST_SEARCH] or None
    before = cursors.number(request.args.get("before"), "before")
    found = reads.bundles(scope(), search=search, before=before, limit=BUNDLES_SHOWN + 1)
    shown = found[:BUNDLES_SHOWN]
    environments = reads.environments(scope())
    return page(
        "bundles.html",
        "bundles",
        stamp=at,
        rows=shown,
        commits=reads.commits_of(scope(), (row.commit for row in shown)),
        running={
            row.digest: [e.name for e in environments if (e.view or {}).get("live") == row.digest]
            for row in shown
        },
        chosen={"digest": search},
        before=before,
        more=shown[-1].id if len(found) > BUNDLES_SHOWN else None,
    )
