"""Builds a bundle from what the compiler made: a pure function, so the same snapshot always has the same digest."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from reconciler.bundle import archive
from reconciler.bundle.contents import NAMED
from reconciler.bundle.manifest import (
    MANIFEST,
    SBOM,
    Manifest,
    ManifestEnvironment,
    ManifestFile,
    config_path,
    describe,
    encode_manifest,
)
from reconciler.bundle.sbom import Materials, RuleSet, build_sbom
from reconciler.compile.compiler import COMPILER, Compilation
from reconciler.config import waf_catalogue as catalogue
from reconciler.errors import Refused

WAF_FILE = re.compile(r"agents/[^/]+/waf/[^/]+")
_RESERVED = (MANIFEST, SBOM)


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
    two files, or a file and a document about the bundle, have one name.
    """
    files = _files(compilation)
    # Environments may have the very same configuration, which is looked at once.
    distinct = {id(content): content for content in files.values()}
    described = {one: describe(content) for one, content in distinct.items()}
    named = {one: _named(content) for one, content in distinct.items()}
    compiled = {path: described[id(content)] for path, content in files.items()}
    uses = {path: named[id(content)] & compiled.keys() for path, content in files.items()}
    files[SBOM] = build_sbom(_materials(compilation, uses, compiled))
    manifest = Manifest(
        compiler=COMPILER,
        environments={
            e.name: ManifestEnvironment(
                e.config_id, e.restart_key, e.secrets, e.proxy_version, e.agent_version
            )
            for e in compilation.environments
        },
        files={**compiled, SBOM: describe(files[SBOM])},
    )
    files[MANIFEST] = encode_manifest(manifest)
    tar = archive.build_tar(files)
    # Both take long, and neither holds the interpreter while it does.
    with ThreadPoolExecutor(1) as beside:
        digest = beside.submit(archive.digest_of, tar)
        blob = archive.compress(tar)
    return BuiltBundle(
        digest=digest.result(),
        tar=tar,
        blob=blob,
        blob_sha256=hashlib.sha256(blob).hexdigest(),
        manifest=manifest,
    )


def _files(compilation: Compilation) -> dict[str, bytes]:
    """Every file but the documents about the bundle. Environments may share one when its bytes are the same."""
    files: dict[str, bytes] = {}
    for environment in compilation.environments:
        for path, content in {**environment.files, config_path(environment.name): environment.config}.items():
            if files.setdefault(path, content) != content or path in _RESERVED:
                raise Refused(
                    "E-BND-007", f"'{path}' of environment '{environment.name}' has that name already"
                )
        if config_path(environment.name) in environment.files:
            raise Refused("E-BND-007", f"a further file of '{environment.name}' has its configuration's name")
    return files


def _materials(
    compilation: Compilation, uses: dict[str, frozenset[str]], compiled: Mapping[str, ManifestFile]
) -> Materials:
    """What the bill of materials tells. A file uses those that it names by a placeholder, and a proxy configuration the
    files of its environment's agents too, which find them by their place."""
    for environment in compilation.environments:
        agents = frozenset(path for path in environment.files if path.startswith("agents/"))
        uses[config_path(environment.name)] |= agents
    return Materials(
        files=compiled,
        compiler=COMPILER,
        snapshot_sha256=compilation.snapshot_sha256,
        uses=uses,
        endpoints={config_path(e.name): e.endpoints for e in compilation.environments},
        rule_sets=_rule_sets(compiled),
    )


def _named(content: bytes) -> frozenset[str]:
    if b"${bundle:" not in content:
        return frozenset()
    return frozenset(path.decode() for path in NAMED.findall(content))


def _rule_sets(paths: Iterable[str]) -> tuple[RuleSet, ...]:
    """What the agents' files in a bundle call for, and the bundle does not hold itself."""
    callers = frozenset(path for path in paths if WAF_FILE.fullmatch(path))
    if callers:
        licence, owner = catalogue.LICENCE, catalogue.COPYRIGHT
        return (RuleSet(catalogue.NAME, catalogue.VERSION, licence, owner, callers),)
    return ()
