"""The pages of a project's nodes, and of what happened: nodes, node, events, webhook deliveries."""

from __future__ import annotations

from flask import abort, request

from reconciler.errors import Refused
from reconciler.fleet.staleness import presence
from web.auth.actions import needs
from web.pages import commands, cursors, node_reads, reads
from web.pages.cohorts import desired
from web.pages.entrance import entry, project_blueprint, scope
from web.pages.node_narrowing import PARAMETERS, conditions
from web.pages.node_signals import counted
from web.pages.node_status import status
from web.pages.rendering import now, page, stamp
from web.pages.words import FRESHNESS, NODES, state_of

blueprint = project_blueprint("fleet")

NODES_SHOWN = 50
EVENTS_SHOWN = 50
RECEIPTS_SHOWN = 50
GAPS_SHOWN = 20
LONGEST_SEARCH = 127


@blueprint.get("/nodes")
@needs("pages:read")
def nodes() -> str:
    """Nodes: searched, filtered and paged by the database."""
    at = stamp(scope())
    environment, chosen, search, cursor = node_filters()
    fleet = node_reads.fleet(scope())
    found = node_reads.nodes(
        scope(), fleet, now=now(), environment=environment, status=chosen, search=search,
        narrowed=conditions(scope(), request.args), after=cursor, limit=NODES_SHOWN + 1,
    )  # fmt: skip
    shown = found[:NODES_SHOWN]
    environments = {row.name: row for row in reads.environments(scope())}
    return page(
        "nodes.html",
        "nodes",
        stamp=at,
        rows=[
            (
                node,
                state_of(NODES, status(node, fleet.offer(node.environment), now=now())),
                desired(node, fleet.offer(node.environment), environments.get(node.environment)),
            )
            for node in shown
        ],
        tallies=node_reads.counts(scope(), fleet, now=now()),
        environment=environment,
        status=chosen,
        search=search,
        narrowed={name: request.args[name] for name in PARAMETERS if request.args.get(name)},
        after=request.args.get("after"),
        more=cursors.encode(shown[-1].name, shown[-1].id) if len(found) > NODES_SHOWN else None,
    )


def node_filters() -> tuple[str | None, str | None, str | None, tuple[str, str] | None]:
    """(environment, status, search, cursor) of a request for nodes. Raises `Refused` for an unknown status."""
    environment = request.args.get("environment") or None
    chosen = request.args.get("status") or None
    if chosen is not None and chosen not in NODES:
        raise Refused("E-WEB-006", "'status' is no status of a node", cure=f"Use one of {', '.join(NODES)}")
    search = (request.args.get("q") or "").strip()[:LONGEST_SEARCH] or None
    cursor = cursors.decode(request.args.get("after"), parts=2)
    return environment, chosen, search, (cursor[0], cursor[1]) if cursor else None


@blueprint.get("/nodes/<identifier>")
@needs("pages:read")
def node(identifier: str) -> str:
    """One node: desired, delivered, running; how fresh that is; what it refused; what happened to it."""
    at = stamp(scope())
    row = node_reads.node(scope(), identifier)
    if row is None:
        abort(404)
    fleet = node_reads.fleet(scope())
    offer = fleet.offer(row.environment)
    fresh = presence(row.reported_at, now=now(), stale_after_seconds=offer.stale_after_seconds)
    return page(
        "node.html",
        "node",
        stamp=at,
        node=row,
        status=state_of(NODES, status(row, offer, now=now())),
        freshness=state_of(FRESHNESS, fresh),
        offer=offer,
        desired=desired(row, offer, reads.environment(scope(), row.environment)),
        events=reads.events(scope(), subject=row.id, limit=EVENTS_SHOWN),
        counted=counted(row.id, now=now()),
        commands=commands.for_node(row),
    )


@blueprint.get("/events")
@needs("pages:read")
def events() -> str:
    """What happened, the newest first."""
    at = stamp(scope())
    before = cursors.number(request.args.get("before"), "before")
    kind = (request.args.get("kind") or "")[:63] or None
    found = reads.events(scope(), kind=kind, before=before, limit=EVENTS_SHOWN + 1)
    return page(
        "events.html",
        "events",
        stamp=at,
        events=found[:EVENTS_SHOWN],
        kind=kind,
        before=before,
        more=found[EVENTS_SHOWN - 1].id if len(found) > EVENTS_SHOWN else None,
    )


@blueprint.get("/webhooks")
@needs("pages:read")
def webhooks() -> str:
    """Deliveries that were received for the project's connection, and moves that none told of."""
    at = stamp(scope())
    before = cursors.number(request.args.get("before"), "before")
    found = reads.receipts(entry().organization, entry().connection, before=before, limit=RECEIPTS_SHOWN + 1)
    return page(
        "webhooks.html",
        "webhooks",
        stamp=at,
        receipts=found[:RECEIPTS_SHOWN],
        troubles=reads.hooks_in_trouble(entry().organization, entry().connection),
        gaps=[] if before else reads.gaps(entry().organization, entry().connection, limit=GAPS_SHOWN),
        moment=now(),
        before=before,
        more=found[RECEIPTS_SHOWN - 1].id if len(found) > RECEIPTS_SHOWN else None,
    )
