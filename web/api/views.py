"""`/api/v1/projects/<slug>/…`: the state of a project as JSON, for programs that watch it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask import Blueprint, abort, request
from flask.typing import ResponseReturnValue

from reconciler.db.models import Environment, Node
from reconciler.db.table import Table
from reconciler.fleet.staleness import presence
from web.api import forms
from web.api.described import describes
from web.auth.actions import needs
from web.pages import cursors, node_reads, reads, risks
from web.pages.cohorts import desired
from web.pages.entrance import scope
from web.pages.node_narrowing import PARAMETERS, conditions
from web.pages.node_status import status
from web.pages.rendering import now
from web.pages.routes_fleet import node_filters

blueprint = Blueprint("api", __name__, url_prefix="/api/v1/projects/<project>")

USUAL = 50
MOST = 200


def page_of(rows: list[Any], columns: tuple[str, ...], limit: int, position: str) -> dict[str, Any]:
    """`items`, and `next`: what to send as `before` for the rows after these, or null at the end."""
    shown: list[Table] = rows[:limit]
    more = getattr(shown[-1], position) if len(rows) > limit else None
    return {"items": [forms.form(row, columns) for row in shown], "next": None if more is None else str(more)}


def _paging() -> tuple[int | None, int]:
    before = cursors.number(request.args.get("before"), "before")
    return before, cursors.limit(request.args.get("limit"), default=USUAL, most=MOST)


@blueprint.get("/commits")
@describes("Commit", many=True, takes=("before", "limit"))
@needs("bundles:read")
def commits() -> ResponseReturnValue:
    """Commits of trunk, the newest first, with state, digest and findings."""
    before, limit = _paging()
    return page_of(reads.commits(scope(), before=before, limit=limit + 1), forms.COMMIT, limit, "position")


@blueprint.get("/commits/<sha>")
@describes("Commit")
@needs("bundles:read")
def commit(sha: str) -> ResponseReturnValue:
    """One commit."""
    row = reads.commit(scope(), sha)
    if row is None:
        abort(404)
    return forms.form(row, forms.COMMIT)


@blueprint.get("/commits/<sha>/risk")
@describes("Risk", many=True)
@needs("bundles:read")
def risk(sha: str) -> ResponseReturnValue:
    """How dangerous a commit's bundle is to each environment that it was judged for, in promotion order."""
    row = reads.commit(scope(), sha)
    if row is None:
        abort(404)
    found = risks.of_digest(row.digest, reads.environments(scope()), reads.risks_of(scope(), [row.digest]))
    return {"items": [forms.risk(one) for one in found], "next": None}


@blueprint.get("/environments")
@describes("Environment", many=True)
@needs("rollouts:read")
def environments() -> ResponseReturnValue:
    """All environments in promotion order."""
    return {
        "items": [forms.form(row, forms.ENVIRONMENT) for row in reads.environments(scope())],
        "next": None,
    }


@blueprint.get("/environments/<name>")
@describes("Environment")
@needs("rollouts:read")
def environment(name: str) -> ResponseReturnValue:
    """One environment: what it runs, what it waits for, and its policy."""
    row = reads.environment(scope(), name)
    if row is None:
        abort(404)
    return forms.form(row, forms.ENVIRONMENT)


@blueprint.get("/environments/<name>/rollouts/<rollout>")
@describes("Rollout")
@needs("rollouts:read")
def rollout(name: str, rollout: str) -> ResponseReturnValue:
    """One rollout, with its steps, counts and verdicts."""
    row = reads.rollout(scope(), name, rollout)
    if row is None:
        abort(404)
    return forms.form(row, forms.ROLLOUT)


@blueprint.get("/environments/<name>/releases")
@describes("Release", many=True, takes=("before", "limit"))
@needs("rollouts:read")
def releases(name: str) -> ResponseReturnValue:
    """Commits of the environment's branch, the newest first."""
    before, limit = _paging()
    if reads.environment(scope(), name) is None:
        abort(404)
    found = reads.releases(scope(), name, before=before, limit=limit + 1)
    return page_of(found, forms.RELEASE, limit, "height")


@blueprint.get("/rollouts")
@describes("Rollout", many=True, takes=("environment", "state", "before", "limit"))
@needs("rollouts:read")
def rollouts() -> ResponseReturnValue:
    """Rollouts, the newest first; `environment` and `state` narrow."""
    before, limit = _paging()
    found = reads.rollouts(
        scope(),
        environment=request.args.get("environment"),
        state=request.args.get("state"),
        before=before,
        limit=limit + 1,
    )
    return page_of(found, forms.ROLLOUT, limit, "id")


@blueprint.get("/bundles")
@describes("Bundle", many=True, takes=("before", "limit"))
@needs("bundles:read")
def bundles() -> ResponseReturnValue:
    """Published bundles, the newest first."""
    before, limit = _paging()
    return page_of(reads.bundles(scope(), before=before, limit=limit + 1), forms.BUNDLE, limit, "id")


@blueprint.get("/bundles/<digest>")
@describes("Bundle")
@needs("bundles:read")
def bundle(digest: str) -> ResponseReturnValue:
    """One bundle, by its digest."""
    row = reads.bundle(scope(), digest)
    if row is None:
        abort(404)
    return forms.form(row, forms.BUNDLE)


@blueprint.get("/events")
@describes("Event", many=True, takes=("subject", "kind", "before", "after", "limit"))
@needs("events:read")
def events() -> ResponseReturnValue:
    """Events, the newest first; with `after=<id>` those after it, the oldest first."""
    before, limit = _paging()
    after = cursors.number(request.args.get("after"), "after")
    found = reads.events(
        scope(),
        subject=request.args.get("subject"),
        kind=request.args.get("kind"),
        before=before,
        after=after,
        limit=limit + 1,
    )
    return page_of(found, forms.EVENT, limit, "id")


@blueprint.get("/nodes")
@describes("Node", many=True, takes=("environment", "status", "q", *PARAMETERS, "after", "limit"))
@needs("nodes:read")
def nodes() -> ResponseReturnValue:
    """Nodes by name; `after` goes on, everything else but `limit` narrows."""
    _, limit = _paging()
    environment, chosen, search, cursor = node_filters()
    fleet = node_reads.fleet(scope())
    found = node_reads.nodes(
        scope(),
        fleet,
        now=now(),
        environment=environment,
        status=chosen,
        search=search,
        narrowed=conditions(scope(), request.args),
        after=cursor,
        limit=limit + 1,
    )
    shown = found[:limit]
    environments = {row.name: row for row in reads.environments(scope())}
    return {
        "items": [_node(row, fleet, environments) for row in shown],
        "next": cursors.encode(shown[-1].name, shown[-1].id) if len(found) > limit else None,
    }


def _node(row: Node, fleet: node_reads.Fleet, environments: Mapping[str, Environment]) -> dict[str, Any]:
    offer = fleet.offer(row.environment)
    wanted = desired(row, offer, environments.get(row.environment))
    return forms.node(
        row,
        status=status(row, offer, now=now()),
        freshness=presence(row.reported_at, now=now(), stale_after_seconds=offer.stale_after_seconds),
        cohort=wanted.cohort,
        desired=wanted.digest,
    )


@blueprint.get("/nodes/stats")
@describes("NodeStats")
@needs("nodes:read")
def node_stats() -> ResponseReturnValue:
    """How many nodes have each status, in all and for each environment."""
    tallies = node_reads.counts(scope(), node_reads.fleet(scope()), now=now())
    return {"total": node_reads.total(tallies), "environments": tallies}


@blueprint.get("/nodes/<identifier>")
@describes("Node")
@needs("nodes:read")
def node(identifier: str) -> ResponseReturnValue:
    """One node, retired ones included."""
    row = node_reads.node(scope(), identifier)
    if row is None:
        abort(404)
    environments = {found.name: found for found in reads.environments(scope())}
    return _node(row, node_reads.fleet(scope()), environments)
