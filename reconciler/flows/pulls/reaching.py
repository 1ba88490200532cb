"""How the forge of a project is reached."""

from __future__ import annotations

from urllib.parse import urlsplit

from reconciler.flows.context import Context
from reconciler.flows.pulls.budget import budget_of
from reconciler.forge import FORGES
from reconciler.forge.calling import Api
from reconciler.forge.port import APP_PREFIX


def api_of(context: Context) -> Api | None:
    """The API of the project's forge, or None when there is none, or no credentials for it.

    Raises `Stalled` when credentials are named that cannot be loaded.
    """
    connection = context.connection
    if connection is None or connection.forge not in FORGES:
        return None
    forge = FORGES[connection.forge]
    address = connection.api
    if not address and urlsplit(context.project.repository).hostname == forge.public_host:
        address = forge.api
    credentials = context.credentials()
    if not address or credentials is None:
        return None
    user = f"{APP_PREFIX}{connection.app.id}" if connection.app is not None else credentials.user
    return Api(
        forge,
        address,
        context.egress(),
        user,
        credentials.token,
        limited=budget_of(context, connection, address).pause,
        expired=credentials.expired,
    )


def page_of(context: Context) -> str:
    """Where people find more."""
    base = context.settings.pages_public_url.rstrip("/")
    return f"{base}/o/{context.organization.slug}/p/{context.project.slug}"


def instance_of(context: Context) -> str:
    """What this installation calls itself at the forge."""
    connection = context.connection
    return (connection.instance or connection.slug) if connection is not None else ""
