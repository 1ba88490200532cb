"""The pages of what is configured: the map of services, WAF policies and their catalogue, secrets."""

from __future__ import annotations

from flask import abort, request

from reconciler.config.kinds.waf_policy import CATEGORIES
from reconciler.config.waf_catalogue import HOME, VERSION
from reconciler.errors import Refused
from web.auth.actions import needs
from web.pages import cursors, reads, secrets, topology, waf
from web.pages.entrance import project_blueprint, scope
from web.pages.outlines import Shown, shown
from web.pages.rendering import now, page, stamp

blueprint = project_blueprint("configuration")

LONGEST_SEARCH = 127


@blueprint.get("/topology")
@needs("pages:read")
def services() -> str:
    """The map of services: what requests pass through and where they end."""
    at = stamp(scope())
    environments = reads.environments(scope())
    found = _shown()
    search = (request.args.get("q") or "").strip()[:LONGEST_SEARCH] or None
    focus = request.args.get("focus") or None
    skip = cursors.number(request.args.get("after"), "after") or 0
    known: dict[str, object] = {"drawing": None, "roads": [], "vertex": None, "total": 0, "more": None}
    if found is not None and found.outline is not None:
        lines = topology.lines_of(found.outline)
        vertex = topology.vertex_of(lines, focus) if focus else None
        if focus and vertex is None:
            abort(404)
        begun = topology.starts(lines, search)
        if vertex is not None:
            kept = topology.around(lines, vertex)
            fit = [one for one in kept if one.kind == "service"][: topology.MOST]
            more = None
        else:
            fit, on_the_way = topology.page_of(lines, begun[skip:])
            kept = sorted(on_the_way)
            more = skip + len(fit) if skip + len(fit) < len(begun) else None
        known = {
            "drawing": topology.drawing(lines, kept),
            "roads": list(topology.roads(lines, fit, found.outline)),
            "vertex": vertex,
            "leads_to": lines.forward.get(vertex, []) if vertex else [],
            "led_from": lines.back.get(vertex, []) if vertex else [],
            "file": found.outline.files.get(vertex, "") if vertex else "",
            "total": len(begun),
            "more": more,
        }
    return page(
        "topology.html",
        "topology",
        stamp=at,
        environments=environments,
        found=found,
        chosen=_chosen(found, q=search),
        focus=focus,
        skip=skip,
        **known,
    )


@blueprint.get("/waf")
@needs("pages:read")
def waf_policies() -> str:
    """WAF policies of an environment, and every rule that is known by name."""
    at = stamp(scope())
    category = request.args.get("category") or None
    if category is not None and category not in CATEGORIES:
        raise Refused(
            "E-WEB-006", "'category' is no category of rules", cure=f"Use one of {', '.join(CATEGORIES)}"
        )
    search = (request.args.get("q") or "").strip()[:LONGEST_SEARCH] or None
    found = _shown()
    outline = found.outline if found is not None else None
    known = list(waf.policies(outline)) if outline is not None else []
    return page(
        "waf.html",
        "waf",
        stamp=at,
        environments=reads.environments(scope()),
        found=found,
        chosen=_chosen(found, q=search, category=category),
        policies=known,
        entries=waf.catalogue([one.policy for one in known], category, search),
        categories=CATEGORIES,
        crs=(VERSION, HOME),
    )


@blueprint.get("/secrets")
@needs("pages:read")
def secret_ages() -> str:
    """Secrets by name, version and age: what each environment runs with."""
    at = stamp(scope())
    environments = reads.environments(scope())
    views = {row.name: shown(scope(), environments, row.name, None) for row in environments}
    bundles = reads.bundles_of(scope(), (view.digest for view in views.values() if view is not None))
    needed = {
        name: ((bundles[view.digest].environments or {}).get(name) or {}).get("secrets") or {}
        for name, view in views.items()
        if view is not None and view.digest in bundles
    }
    outlines = {name: view.outline if view is not None else None for name, view in views.items()}
    return page(
        "secrets.html",
        "secrets",
        stamp=at,
        environments=environments,
        rows=secrets.rows(outlines, needed, today=now().date()),
        commit=next((view.commit for view in views.values() if view is not None and view.commit), ""),
        unknown=[name for name, outline in outlines.items() if outline is None],
    )


def _shown() -> Shown | None:
    environments = reads.environments(scope())
    return shown(
        scope(), environments, request.args.get("environment") or None, request.args.get("at") or None
    )


def _chosen(found: Shown | None, **more: str | None) -> dict[str, str | None]:
    """What a link of this page keeps."""
    return {"environment": found.environment.name, "at": found.which, **more} if found is not None else more
