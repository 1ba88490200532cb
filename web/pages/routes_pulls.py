"""The pages of pull requests: those that are open, and what one of them would do."""

from __future__ import annotations

from flask import abort

from reconciler.db.forge import Pull
from web.auth.actions import needs
from web.pages.entrance import project_blueprint, scope
from web.pages.findings import findings
from web.pages.rendering import page, stamp

blueprint = project_blueprint("pulls")

SHOWN = 100


@blueprint.get("/pulls")
@needs("pages:read")
def index() -> str:
    """The pull requests into trunk that concern the project, those that are open first."""
    at = stamp(scope())
    found = (
        scope().rows(Pull).where(Pull.concerned).order_by(Pull.open.desc(), Pull.number.desc()).limit(SHOWN)
    )
    return page("pulls.html", "pulls", stamp=at, pulls=list(found))


@blueprint.get("/pulls/<int:number>")
@needs("pages:read")
def pull(number: int) -> str:
    """What merging one would do, all of it, also what the forge's comment has no room for."""
    at = stamp(scope())
    # A greater number no row can hold, and the database refuses to look for it.
    row = scope().rows(Pull).where(Pull.number == number).first() if number < 2**31 else None
    if row is None:
        abort(404)
    plan = row.plan or {}
    return page(
        "pull.html", "pull", stamp=at, pull=row, plan=plan, findings=findings(plan.get("findings", []))
    )
