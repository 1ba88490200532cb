"""How a request comes to its project: looked up through its organization, absent and foreign alike a 404."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, abort, current_app, g

from web.catalogue import Catalogue, CatalogueSource, ProjectEntry
from web.pages.scope import Scope

PREFIX = "/o/<organization>/p/<project>"


def catalogue() -> Catalogue:
    """All organizations and projects, as the server configuration has them now."""
    source: CatalogueSource = current_app.extensions["sentinel.catalogue"]
    return source.catalogue()


def entry() -> ProjectEntry:
    """The project of this request."""
    found: ProjectEntry = g.entry
    return found


def scope() -> Scope:
    """What every query of this request goes through."""
    return Scope(entry().organization, entry().slug)


def project_blueprint(name: str) -> Blueprint:
    """A blueprint below `/o/<organization>/p/<project>` whose views find the project in `entry()`.

    Links made with `url_for` inside it stay in the same project.
    """
    blueprint = Blueprint(name, __name__, url_prefix=PREFIX)

    def take(endpoint: str | None, values: dict[str, Any] | None) -> None:
        values = values if values is not None else {}
        g.asked = (values.pop("organization", ""), values.pop("project", ""))

    def find() -> None:
        found = catalogue().project(*g.asked)
        if found is None:
            abort(404)
        g.entry = found

    blueprint.url_value_preprocessor(take)
    blueprint.before_request(find)
    return blueprint


def stay(endpoint: str, values: dict[str, Any]) -> None:
    """Fill in organization and project of links that do not name them."""
    found: ProjectEntry | None = g.get("entry")
    if found is None or "organization" in values:
        return
    if current_app.url_map.is_endpoint_expecting(endpoint, "organization"):
        values["organization"] = found.organization
        if current_app.url_map.is_endpoint_expecting(endpoint, "project"):
            values.setdefault("project", found.slug)
