"""The files of a bundle over the interface, byte for byte."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from flask.testing import FlaskClient

from reconciler.bundle.archive import build_tar, compress
from reconciler.bundle.manifest import SBOM
from reconciler.settings import Settings
from reconciler.store import layout
from reconciler.store.choose import open_store
from tests.unit.pages.sample_project import digest

BASE = "/api/v1/projects/shop/bundles/"


def put(settings: Settings) -> tuple[bytes, bytes]:
    """Files of bundle 9 in the store: blob and statement."""
    blob = compress(build_tar({SBOM: b'{"bomFormat":"CycloneDX"}', "manifest.json": b"{}"}))
    statement = json.dumps({"payload": "e30="}).encode()
    store = open_store(settings)
    store.put(layout.bundle("acme", "shop", digest(9)), blob)
    store.put(layout.statement("acme", "shop", digest(9)), statement)
    return blob, statement


def test_bundle_statement_and_bill_of_materials(client: FlaskClient, settings: Settings) -> None:
    blob, statement = put(settings)
    found: Any = client.get(f"{BASE}{digest(9)}/download")
    assert found.data == blob
    assert found.content_type == "application/zstd"
    short = digest(9).removeprefix("sha256:")[:12]
    assert found.headers["Content-Disposition"] == f'attachment; filename="shop-{short}.tar.zst"'
    assert client.get(f"{BASE}{digest(9)}/statement").data == statement
    sbom = client.get(f"{BASE}{digest(9)}/sbom")
    assert sbom.json["bomFormat"] == "CycloneDX"
    assert sbom.content_type == "application/vnd.cyclonedx+json"
    again = client.get(f"{BASE}{digest(9)}/download", headers={"If-None-Match": found.headers["ETag"]})
    assert again.status_code == 304


def test_files_that_are_gone_and_bundles_that_never_were(client: FlaskClient, settings: Settings) -> None:
    put(settings)
    for part in ("download", "statement", "sbom"):
        gone = client.get(f"{BASE}{digest(12)}/{part}")
        assert (gone.status_code, gone.json["code"]) == (409, "E-API-004")
        unknown = "sha256:" + hashlib.sha256(b"nothing").hexdigest()
        assert client.get(f"{BASE}{unknown}/{part}").status_code == 404
