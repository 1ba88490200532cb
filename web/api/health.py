"""`/health`: this process answers. `/ready`: it can do its work, or what it lacks."""

from __future__ import annotations

from flask import Blueprint, current_app
from flask.typing import ResponseReturnValue
from peewee import PeeweeException

from reconciler.db.models import Event
from reconciler.db.session import reading
from reconciler.errors import ReconcilerError
from web.auth.actions import needs
from web.catalogue import CatalogueSource

blueprint = Blueprint("health", __name__)


@blueprint.get("/health")
@needs("public")
def health() -> ResponseReturnValue:
    """Always 200 while the process runs."""
    return {"status": "ok"}


@blueprint.get("/ready")
@needs("public")
def ready() -> ResponseReturnValue:
    """200 when nothing is missing, else 503 and one sentence for each thing that is."""
    missing = [sentence for sentence in (_database(), _configuration()) if sentence is not None]
    if missing:
        return {"status": "not ready", "code": "E-WEB-012", "missing": missing}, 503
    return {"status": "ready", "missing": []}


def _database() -> str | None:
    try:
        with reading():
            Event.select(Event.id).limit(1).scalar()
    except (ReconcilerError, PeeweeException):
        return "the database cannot be read, or `sentinelctl migrate` has not run"
    return None


def _configuration() -> str | None:
    source: CatalogueSource = current_app.extensions["sentinel.catalogue"]
    source.catalogue()
    # The mistakes name organizations and people, and this is for everybody who reaches the process.
    return None if source.problem is None else "control-plane.kdl cannot be used as it is: the log says why"
