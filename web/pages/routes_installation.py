"""`/`: every project of the installation, with what needs attention first."""

from __future__ import annotations

from dataclasses import dataclass

from flask import Blueprint

from web.catalogue import ProjectEntry
from web.pages import entrance, reads
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
def index() -> str:
    """Organizations and their projects."""
    organizations = [
        (slug, name, sorted((_card(entry) for entry in projects), key=lambda card: not card.notices))
        for slug, name, projects in entrance.catalogue().organizations()
    ]
    return page("installation.html", "projects", organizations=organizations)


def _card(entry: ProjectEntry) -> Card:
    scope = Scope(entry.organization, entry.slug)
    return Card(entry, overview(scope, now=now()), reads.bundle_count(scope))
