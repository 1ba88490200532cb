"""The Flask application of the status pages and the JSON interface. Importing this module does nothing."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import ExitStack
from datetime import datetime

from flask import Flask, g, request
from werkzeug.middleware.proxy_fix import ProxyFix

from reconciler import clock
from reconciler.db.session import connect, reading
from reconciler.settings import Settings, read_settings
from web import headers, problems
from web.api import (
    audit,
    bundles,
    changes,
    described,
    drift,
    files,
    health,
    join_tokens,
    keys,
    limiting,
    members,
    metrics,
    node_acts,
    openapi,
    pins,
    projects,
    resources,
    views,
)
from web.auth import gate
from web.auth.factors import FACTORS
from web.auth.factors.factor import Factor
from web.auth.ways import WAYS
from web.auth.ways.way import Way
from web.catalogue import CatalogueFile, CatalogueSource
from web.pages import (
    rendering,
    routes_account,
    routes_audit,
    routes_configuration,
    routes_fleet,
    routes_installation,
    routes_live,
    routes_project,
    routes_pulls,
    routes_release,
    routes_session,
)
from web.pages.feed import Feed
from web.pages.scope import Scope
from web.pages.stamps import stamps

DEFAULT_STREAMS = 8
"""Half of the threads that `web.serve` gives a process."""

LARGEST_BODY = 1024 * 1024
"""Bytes of a form or of a JSON body."""

WITHOUT_DATABASE = frozenset({"static", "live.stream", "health.health", "health.ready"})
"""Endpoints that hold no database connection while they answer; those that need one take it themselves."""


def create_app(
    settings: Settings | None = None,
    *,
    streams: int = DEFAULT_STREAMS,
    catalogue: CatalogueSource | None = None,
    now: Callable[[], datetime] = clock.now,
    ways: tuple[Way, ...] = WAYS,
    factors: tuple[Factor, ...] = FACTORS,
) -> Flask:
    """Build the application. `streams` is how many live streams a process may hold at once; `ways` and `factors` are
    how people sign in.

    Without `settings` they are read from the environment, and without a `catalogue` it is read from the server
    configuration. Raises `Stalled` when a setting cannot be used.
    """
    settings = settings or read_settings(os.environ)
    connect(settings)
    app = Flask("web.pages", static_folder="static", template_folder="templates")
    app.url_map.strict_slashes = False
    app.config["MAX_CONTENT_LENGTH"] = LARGEST_BODY
    app.extensions["sentinel.settings"] = settings
    app.extensions["sentinel.now"] = now
    app.extensions["sentinel.catalogue"] = catalogue or CatalogueFile(settings.config_file, settings.home)
    app.extensions["sentinel.ways"] = ways
    app.extensions["sentinel.factors"] = factors
    app.extensions["sentinel.feed"] = Feed(_look, now=now, most=streams)
    rendering.install(app)
    problems.install(app)
    gate.install(app, settings)
    headers.install(app)
    limiting.install(app)
    for check in (limiting.check, described.check_query):
        app.before_request(check)
    # Functions run in reverse order of registration: before the headers' defaults.
    for finish in (limiting.finish, described.finish):
        app.after_request(finish)
    app.before_request(_open_reading)
    app.teardown_request(_close_reading)
    for blueprint in (
        routes_installation.blueprint,
        routes_project.blueprint,
        routes_fleet.blueprint,
        routes_pulls.blueprint,
        routes_release.blueprint,
        routes_configuration.blueprint,
        routes_live.blueprint,
        routes_session.blueprint,
        routes_account.blueprint,
        openapi.blueprint,
        projects.blueprint,
        views.blueprint,
        files.blueprint,
        keys.blueprint,
        members.blueprint,
        changes.blueprint,
        bundles.blueprint,
        drift.blueprint,
        node_acts.blueprint,
        pins.blueprint,
        join_tokens.blueprint,
        resources.blueprint,
        resources.kinds_blueprint,
        audit.blueprint,
        routes_audit.blueprint,
        health.blueprint,
        metrics.blueprint,
    ):
        app.register_blueprint(blueprint)
    gate.ensure_complete(app)
    if settings.pages_proxies:
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=settings.pages_proxies)  # type: ignore[method-assign]
    return app


def _look(scope: Scope) -> dict[str, str]:
    with reading():
        return stamps(scope)


def _open_reading() -> None:
    if request.endpoint in WITHOUT_DATABASE or request.endpoint is None:
        return
    stack = ExitStack()
    stack.enter_context(reading())
    g.reading = stack


def _close_reading(fault: BaseException | None) -> None:
    stack: ExitStack | None = g.pop("reading", None)
    if stack is not None:
        stack.close()
