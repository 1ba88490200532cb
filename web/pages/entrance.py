"""How a page comes to its project. The gate looked it up through its organization, absent and foreign alike a 404."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, current_app, g

from web.catalogue import ProjectEntry
from web.pages.scope import Scope

PREFIX = "/o/<organization>/p/<project>"


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
    return Blueprint(name, __name__, url_prefix=PREFIX)


def stay(endpoint: str, values: dict[str, Any]) -> None:
    """Fill in organization and project of links that do not name them."""
    found: ProjectEntry | None = g.get("entry")
    if found is None or "organization" in values:
        return
    if current_app.url_map.is_endpoint_expecting(endpoint, "organization"):
        values["organization"] = found.organization
        if current_app.url_map.is_endpoint_expecting(endpoint, "project"):
            values.setdefault("project", found.slug)
