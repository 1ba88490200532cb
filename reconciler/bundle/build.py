"""Builds a bundle from what the compiler made: a pure function, so the same snapshot always has the same digest."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field

from reconciler.bundle import archive
from reconciler.bundle.manifest import (
    MANIFEST,
    SBOM,
    Manifest,
    ManifestEnvironment,
    config_path,
    describe,
    encode_manifest,
)
from reconciler.bundle.sbom import build_sbom
from reconciler.compile.compiler import COMPILER, Compilation
from reconciler.errors import Refused


@dataclass(frozen=True, slots=True)
class BuiltBundle:
    """A bundle in memory. `digest` (`sha256:` and hex) is that of `tar`, its identity; `blob` is `tar` compressed."""

    digest: str
    tar: bytes = field(repr=False)
    blob: bytes = field(repr=False)
    blob_sha256: str
    manifest: Manifest = field(repr=False)


def build_bundle(compilation: Compilation) -> BuiltBundle:
    """Archive, manifest and SBOM of a compilation.

    Raises `Refused`: E-BND-001 or E-BND-002 when a name or size is one that nodes would refuse, E-BND-007 when an
    environment has two files of one name.
    """
    files = _files(compilation)
    compiled = {path: describe(content) for path, content in files.items()}
    files[SBOM] = build_sbom(compiled, compiler=COMPILER)
    manifest = Manifest(
        compiler=COMPILER,
        environments={
            e.name: ManifestEnvironment(e.config_id, e.restart_key) for e in compilation.environments
        },
        files={**compiled, SBOM: describe(files[SBOM])},
    )
    files[MANIFEST] = encode_manifest(manifest)
    tar = archive.build_tar(files)
    blob = archive.compress(tar)
    return BuiltBundle(
        digest=archive.digest_of(tar),
        tar=tar,
        blob=blob,
        blob_sha256=hashlib.sha256(blob).hexdigest(),
        manifest=manifest,
    )


def _files(compilation: Compilation) -> dict[str, bytes]:
    files: dict[str, bytes] = {}
    for environment in compilation.environments:
        own = config_path(environment.name)
        folder = own.rpartition("/")[0]
        for path, content in (
            (own, environment.config),
            *((f"{folder}/{name}", content) for name, content in environment.files.items()),
        ):
            if files.setdefault(path, content) != content:
                raise Refused(
                    "E-BND-007", f"'{path}' of environment '{environment.name}' has that name already"
                )
    return files
