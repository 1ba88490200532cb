"""The files of a bundle, from the object store: the bundle itself, its statement and its bill of materials."""

from __future__ import annotations

from flask import Blueprint, Response, abort, current_app, redirect
from flask.typing import ResponseReturnValue

from reconciler.bundle.archive import unpack
from reconciler.bundle.limits import LIMITS
from reconciler.bundle.manifest import SBOM
from reconciler.db.models import Bundle
from reconciler.store import layout
from reconciler.store.choose import open_store
from reconciler.store.port import BlobStore, Missing
from web.api.described import describes
from web.auth.actions import needs
from web.pages import reads
from web.pages.entrance import scope
from web.problems import Problem, answer

blueprint = Blueprint("files", __name__, url_prefix="/api/v1/projects/<project>/bundles/<digest>")

STATEMENT_LIMIT = 256 * 1024
LINK_SECONDS = 300
UNPACKING = 20
"""What unpacks a bundle counts as so many requests: it takes memory and time that others would wait for."""

REMOVED = Problem(
    409, "E-API-004", "Its files are gone",
    "Nothing needed the bundle any more. A commit of trunk that compiles to it brings its files back.",
)  # fmt: skip


@blueprint.get("/download")
@describes("The bundle, a `.tar.zst`.", media="application/zstd", otherwise=(302, 409))
@needs("bundles:read")
def download(digest: str) -> ResponseReturnValue:
    """The bundle itself; from an object store that you can reach, by a redirect that holds for five minutes."""
    row = _row(digest)
    key = layout.bundle(str(row.organization), str(row.project), str(row.digest))
    link = open_bundles().link(key, seconds=LINK_SECONDS)
    if link is not None and row.removed_at is None:
        return redirect(link, 302)
    return _file(row, key, LIMITS.blob, "application/zstd", "tar.zst")


@blueprint.get("/statement")
@describes("The signed statement (DSSE).", media="application/vnd.dsse.envelope+json", otherwise=(409,))
@needs("bundles:read")
def statement(digest: str) -> ResponseReturnValue:
    """Where the bundle came from, signed: in-toto statement with SLSA provenance, in a DSSE envelope."""
    row = _row(digest)
    key = layout.statement(str(row.organization), str(row.project), str(row.digest))
    return _file(row, key, STATEMENT_LIMIT, "application/vnd.dsse.envelope+json", "statement.json")


@blueprint.get("/sbom")
@describes("CycloneDX 1.5.", media="application/vnd.cyclonedx+json", otherwise=(409,), cost=UNPACKING)
@needs("bundles:read")
def sbom(digest: str) -> ResponseReturnValue:
    """The bundle's bill of materials."""
    row = _row(digest)
    key = layout.bundle(str(row.organization), str(row.project), str(row.digest))
    try:
        files = unpack(open_bundles().get(key, limit=LIMITS.blob))
    except Missing:
        return answer(REMOVED)
    return _response(row, bytes(files[SBOM]), "application/vnd.cyclonedx+json", "sbom.json")


def _row(digest: str) -> Bundle:
    row = reads.bundle(scope(), digest)
    if row is None:
        abort(404)
    return row


def _file(row: Bundle, key: str, limit: int, media: str, ending: str) -> Response:
    try:
        return _response(row, open_bundles().get(key, limit=limit), media, ending)
    except Missing:
        return answer(REMOVED)


def _response(row: Bundle, data: bytes, media: str, ending: str) -> Response:
    response = Response(data, content_type=media)
    short = str(row.digest).removeprefix("sha256:")[:12]
    response.headers["Content-Disposition"] = f'attachment; filename="{row.project}-{short}.{ending}"'
    return response


def open_bundles() -> BlobStore:
    """The object store that bundles are in."""
    found: BlobStore | None = current_app.extensions.get("sentinel.store")
    if found is None:
        found = current_app.extensions["sentinel.store"] = open_store(
            current_app.extensions["sentinel.settings"]
        )
    return found
