"""A real organization's keys and one of everything a node is offered, for the tests of bundle and verifier."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from nacl.signing import SigningKey

from reconciler.bundle import archive
from reconciler.bundle.manifest import MANIFEST, Manifest, ManifestEnvironment, describe, encode_manifest
from reconciler.bundle.pointer import Pointer, sign_pointer
from reconciler.bundle.root import Root, make_root, sign_root
from reconciler.bundle.statement import Statement, sign_statement
from reconciler.bundle.verify import Audience, TrustState
from tests.unit.bundle.paper_log import PaperLog, logged

NOW = datetime(2026, 11, 23, 20, 0, tzinfo=UTC)
DAY = timedelta(days=1)
AUDIENCE = Audience("acme", "shop", "production", "base")


def key(name: str) -> SigningKey:
    """A signing key that is always the same for a name."""
    return SigningKey(hashlib.sha256(name.encode()).digest())


def public(name: str) -> bytes:
    return bytes(key(name).verify_key)


def bundle_files(**extra: bytes) -> dict[str, bytes]:
    """The files of a small bundle with a manifest that is right."""
    files = {
        "config/production/sentinel.kdl": b"listeners {}\n",
        **{k.replace("__", "/"): v for k, v in extra.items()},
    }
    manifest = Manifest(
        compiler="sentinel-compiler/0.1.0",
        environments={"production": ManifestEnvironment("0123456789abcdef", "fedcba9876543210")},
        files={path: describe(content) for path, content in files.items()},
    )
    return {**files, MANIFEST: encode_manifest(manifest)}


def root(**changes: Any) -> Root:
    plain = make_root(
        version=1,
        organization="acme",
        epoch=1,
        expires=NOW + 365 * DAY,
        roles={
            "root": ([public("root")], 1),
            "bundle": ([public("bundle")], 1),
            "pointer": ([public("pointer")], 1),
        },
    )
    return replace(plain, **changes)


@dataclass(frozen=True)
class Offer:
    """What a node fetches, and what it was made from."""

    root: Root
    files: dict[str, bytes]
    tar: bytes
    blob: bytes
    pointer: Pointer
    statement: Statement

    @property
    def state(self) -> TrustState:
        return TrustState(self.root)

    def root_bytes(self) -> bytes:
        return sign_root(self.root, [key("root")])

    def pointer_bytes(self, log: PaperLog | None = None, **changes: Any) -> bytes:
        """The pointer with changes, signed and in a log that fits them."""
        return sign_pointer(logged(replace(self.pointer, **changes), key("pointer"), log=log), key("pointer"))

    def statement_bytes(self, **changes: Any) -> bytes:
        return sign_statement(replace(self.statement, **changes), key("bundle"))


def offer(
    files: dict[str, bytes] | None = None, *, tar: bytes | None = None, blob: bytes | None = None
) -> Offer:
    """A consistent offer of `files`; with `tar` or `blob` given, one that names those bytes whatever they are."""
    files = bundle_files() if files is None else files
    tar = archive.build_tar(files) if tar is None else tar
    blob = archive.compress(tar) if blob is None else blob
    digest = archive.digest_of(tar)
    blob_sha256 = hashlib.sha256(blob).hexdigest()
    return Offer(
        root=root(),
        files=files,
        tar=tar,
        blob=blob,
        pointer=logged(
            Pointer(
                organization="acme",
                project="shop",
                environment="production",
                cohort="base",
                epoch=1,
                sequence=7,
                digest=digest,
                length=len(tar),
                blob_sha256=blob_sha256,
                blob_length=len(blob),
                issued=NOW,
                expires=NOW + DAY,
            ),
            key("pointer"),
        ),
        statement=Statement(
            organization="acme",
            project="shop",
            tar_sha256=digest.removeprefix("sha256:"),
            tar_length=len(tar),
            blob_sha256=blob_sha256,
            blob_length=len(blob),
            repository="https://forge.example/acme/shop.git",
            path="",
            commit="1" * 40,
            tree="2" * 40,
            author="Ada <ada@example.org>",
            compiler="sentinel-compiler/0.1.0",
        ),
    )
