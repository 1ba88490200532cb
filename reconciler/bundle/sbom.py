"""`sbom.cdx.json`: a CycloneDX 1.5 bill of materials over the files of a bundle.

A pure function of the files: no timestamp, no tool entry, a serial number derived from the hashes, and our own
canonical JSON around what the library says, so that its version does not reach the bundle.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from cyclonedx.model import HashAlgorithm, HashType
from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.model.license import DisjunctiveLicense
from cyclonedx.output.json import JsonV1Dot5

from reconciler.bundle import canonical
from reconciler.bundle.manifest import ManifestFile

NAMESPACE = uuid.uuid5(uuid.NAMESPACE_URL, "urn:sentinel-control-plane:sbom")
BUNDLE = "bundle"


@dataclass(frozen=True, slots=True)
class RuleSet:
    """Something that files of a bundle call for and that nodes have installed. `licence` is an SPDX identifier."""

    name: str
    version: str
    licence: str
    copyright: str


def build_sbom(
    files: Mapping[str, ManifestFile], *, compiler: str, rule_sets: tuple[RuleSet, ...] = ()
) -> bytes:
    """The SBOM of `files` (path to digest), which the bundle depends on one by one; `compiler` is `name/version`."""
    name, _, version = compiler.partition("/")
    # The library is quadratic when components are added one by one, so each collection is assigned at once.
    components = [
        Component(
            name=path,
            type=ComponentType.FILE,
            bom_ref=f"file:{path}",
            hashes=[HashType(alg=HashAlgorithm.SHA_256, content=files[path].sha256)],
        )
        for path in sorted(files)
    ]
    components.append(
        Component(name=name, version=version, type=ComponentType.APPLICATION, bom_ref="compiler")
    )
    components.extend(
        Component(
            name=one.name,
            version=one.version,
            type=ComponentType.DATA,
            bom_ref=_rule_set_ref(one),
            licenses=[DisjunctiveLicense(id=one.licence)],
            copyright=one.copyright,
        )
        for one in rule_sets
    )
    bom = Bom(components=components, serial_number=serial_number(files))
    document = json.loads(JsonV1Dot5(bom).output_as_string())
    return canonical.encode(_settled(document, sorted(files), [_rule_set_ref(one) for one in rule_sets]))


def serial_number(files: Mapping[str, ManifestFile]) -> uuid.UUID:
    """UUIDv5 (RFC 9562) of the paths and hashes."""
    return uuid.uuid5(NAMESPACE, "\n".join(f"{files[path].sha256} {path}" for path in sorted(files)))


def _rule_set_ref(one: RuleSet) -> str:
    return f"rules:{one.name}"


def _settled(document: dict[str, Any], paths: list[str], rule_sets: list[str]) -> dict[str, Any]:
    """The library's document without what it adds by itself, and with the collections in our order."""
    refs = [f"file:{path}" for path in paths] + sorted(rule_sets)
    return {
        **document,
        "components": sorted(document["components"], key=lambda component: component["bom-ref"]),
        "metadata": {"component": {"bom-ref": BUNDLE, "name": "bundle", "type": "application"}},
        "dependencies": [
            {"ref": BUNDLE, "dependsOn": refs},
            {"ref": "compiler"},
            *({"ref": ref} for ref in refs),
        ],
    }
