"""`/`: every project of the installation, with what needs attention first."""

from __future__ import annotations

from dataclasses import dataclass

from flask import Blueprint, current_app

from web.auth import gate
from web.auth.actions import needs
from web.catalogue import Catalogue, CatalogueSource, ProjectEntry
from web.pages import reads
from web.pages.attention import Notice
from web.pages.overview import Overview, overview
from web.pages.rendering import now, page
from web.pages.scope import Scope

blueprint = Blueprint("installation", __name__)


@dataclass(frozen=True, slots=True)
class Card:
    """One project on the first page."""

    entry: ProjectEntry
    overview: Overview
    bundles: int

    @property
    def notices(self) -> list[Notice]:
        return self.overview.notices


@blueprint.get("/")
@needs("pages:read")
def index() -> str:
    """Organizations and their projects, as far as who asks may see them."""
    seen = Catalogue(tuple(gate.seen_projects("pages:read")))
    organizations = [
        (slug, name, sorted((_card(entry) for entry in projects), key=lambda card: not card.notices))
        for slug, name, projects in seen.organizations()
    ]
    return page("installation.html", "projects", organizations=organizations, trouble=_trouble())


def _trouble() -> str | None:
    """Why the server configuration cannot be used as it is. The mistakes are for those who may see all of it."""
    source: CatalogueSource = current_app.extensions["sentinel.catalogue"]
    problem = source.problem
    if problem is None or gate.caller().everywhere:
        return problem
    return "its newest state cannot be used. Who runs the installation sees why"


def _card(entry: ProjectEntry) -> Card:
    scope = Scope(entry.organization, entry.slug)
    return Card(entry, overview(scope, now=now()), reads.bundle_count(scope))
