"""The webhook process: `gunicorn "webhooks.app:create_app()"`."""

from __future__ import annotations

import json
import logging
import os
import threading
from collections.abc import Callable, Mapping
from datetime import datetime

from flask import Flask, Response, jsonify, request
from werkzeug.exceptions import HTTPException

from reconciler import clock
from reconciler.db import session
from reconciler.db.migrate import migrate
from reconciler.db.table import database
from reconciler.errors import ReconcilerError, Transient
from reconciler.jobs.installed import InstalledFile
from reconciler.jobs.queue import open_queue, ping
from reconciler.settings import Settings, read_settings
from webhooks import problems
from webhooks.counting import Counters
from webhooks.held import HeldSecrets
from webhooks.nudging import Nudger
from webhooks.receivers import RECEIVERS
from webhooks.receiving import Receiving

log = logging.getLogger(__name__)

MAX_BODY = 5 * 1024 * 1024
"""GitHub sends up to 25 MB, but a push of 2,048 commits with long messages stays below a fifth of that. What is
refused here is found by the sweep."""


class Migrated:
    """Migrates once, as soon as the database can be reached: the process starts without it."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._lock = threading.Lock()
        self._done = False

    def ensure(self) -> None:
        """Raises `Transient` while the database is away and `Stalled` when it cannot be used."""
        if self._done:
            return
        with self._lock:
            if not self._done:
                migrate(self._settings)
                self._done = True


def create_app(environ: Mapping[str, str] | None = None, *, now: Callable[[], datetime] = clock.now) -> Flask:
    """The receiver of webhooks as a WSGI application. Raises `Stalled` when a setting cannot be used."""
    environ = os.environ if environ is None else environ
    settings = read_settings(environ)
    session.connect(settings)
    counters = Counters()
    installed = InstalledFile(settings.config_file)
    migrated = Migrated(settings)
    nudger = Nudger(settings, counted=lambda result: counters.add("sentinel_webhook_nudges_total", result))
    receiving = Receiving(
        installed=installed, secrets=HeldSecrets(environ), wake=nudger.wake, now=now, ready=migrated.ensure
    )
    try:
        migrated.ensure()
    except Transient as error:
        log.warning("database-away: %s", error)

    app = Flask("webhooks", static_folder=None)
    app.config["MAX_CONTENT_LENGTH"] = MAX_BODY

    def receive(connection: str, forge: str) -> Response:
        body = read_body()
        answer = receiving.receive(forge, connection, request.headers, body)
        counters.add("sentinel_webhook_deliveries_total", answer.result)
        return Response(json.dumps(answer.body), answer.status, content_type="application/json")

    for forge in RECEIVERS:
        app.add_url_rule(
            f"/webhooks/{forge}/<connection>",
            endpoint=forge,
            view_func=receive,
            methods=["POST"],
            defaults={"forge": forge},
        )

    @app.get("/health")
    def health() -> Response:
        return jsonify(status="ok")

    @app.get("/ready")
    def ready() -> Response:
        missing, weakened = {}, {}
        for name, check in (("database", check_database), ("configuration", check_configuration)):
            try:
                check()
            except ReconcilerError as error:
                # Everybody who reaches the process may ask, and mistakes of a file name what is in it.
                log.warning("not-ready: %s", error)
                missing[name] = f"{error.code}: the log says why"
        try:
            # Deliveries are durable without the queue, so its absence takes nothing off a load balancer.
            with open_queue(settings) as connection:
                ping(connection)
        except Transient as error:
            weakened["queue"] = str(error)
        response = jsonify(ready=not missing, missing=missing, weakened=weakened)
        response.status_code = 503 if missing else 200
        return response

    def check_database() -> None:
        migrated.ensure()
        with session.reading():
            database.execute_sql("SELECT 1")

    def check_configuration() -> None:
        installed.current()
        if installed.problem is not None:
            raise installed.problem

    @app.get("/metrics")
    def metrics() -> Response:
        return Response(counters.text(), content_type="text/plain; version=0.0.4; charset=utf-8")

    @app.errorhandler(problems.Problem)
    def on_problem(problem: problems.Problem) -> Response:
        counters.add("sentinel_webhook_deliveries_total", RESULTS.get(problem.status, "refused"))
        return problem.response()

    @app.errorhandler(HTTPException)
    def on_http(error: HTTPException) -> Response:
        if error.code == 413:
            return on_problem(problems.too_large(MAX_BODY))
        if error.code in (404, 405):
            response = problems.not_here(error.code).response()
            if error.code == 405:
                response.headers["Allow"] = "POST"
            return response
        if error.code is not None and error.code >= 500:
            return problems.unexpected().response()
        return on_problem(problems.unreadable("the request cannot be read"))

    @app.errorhandler(ReconcilerError)
    def on_trouble(error: ReconcilerError) -> Response:
        log.error("delivery-not-durable: %s", error)
        return on_problem(problems.away())

    @app.errorhandler(Exception)
    def on_surprise(error: Exception) -> Response:
        log.exception("delivery-failed", exc_info=error)
        return on_problem(problems.unexpected())

    return app


def read_body() -> bytes:
    """The body of the current request. Raises `Problem` when it is too large or breaks off."""
    try:
        body = request.get_data(cache=False)
    except HTTPException:
        raise
    except Exception as fault:
        # gunicorn has its own exceptions for chunks that are no chunks. Nothing but the sender has been read by now.
        raise problems.unreadable("the body cannot be read") from fault
    if request.content_length is None and len(body) >= MAX_BODY:
        # A body whose length nobody announced is cut off at the limit without a word.
        raise problems.too_large(MAX_BODY)
    return body


RESULTS = {413: "too-large", 401: "unauthenticated", 400: "malformed", 503: "not-durable", 500: "failed"}
