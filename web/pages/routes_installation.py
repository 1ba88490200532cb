"""`/`: every project of the installation, with what needs attention first."""

from __future__ import annotations

from dataclasses import dataclass

from flask import Blueprint

from web.auth import gate
from web.auth.actions import needs
from web.catalogue import Catalogue, ProjectEntry
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
    return page("installation.html", "projects", organizations=organizations)


def _card(entry: ProjectEntry) -> Card:
    scope = Scope(entry.organization, entry.slug)
    return Card(entry, overview(scope, now=now()), reads.bundle_count(scope))
