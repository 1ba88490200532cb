"""`sbom.cdx.json`: a CycloneDX 1.5 bill of materials over the files of a bundle.

A pure function of the files and of what they were made from: no timestamp, no tool entry, a serial number derived from
the hashes, and of the library's document only the fields that we know, in our own canonical JSON, so that its version
does not reach the bundle. It holds no secret: what it names of secrets is in the manifest.
"""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from cyclonedx.model import HashAlgorithm, HashType, Property
from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.model.license import DisjunctiveLicense
from cyclonedx.model.service import Service
from cyclonedx.output.json import JsonV1Dot5

from reconciler.bundle import canonical
from reconciler.bundle.manifest import ManifestFile

NAMESPACE = uuid.uuid5(uuid.NAMESPACE_URL, "urn:sentinel-control-plane:sbom")
SCHEMA = "http://cyclonedx.org/schema/bom-1.5.schema.json"
BUNDLE = "bundle"
SNAPSHOT = "snapshot"
COMPILER = "compiler"
HOSTS = "hosts"
MOST_HOSTS = 200
"""More upstream hosts than this are one service that counts them: nobody reads a longer list in a bill."""

_PLAIN = re.compile(r"https?://([a-z0-9][a-z0-9.-]*):[0-9]+")

_COMPONENT_FIELDS = ("bom-ref", "type", "name", "version", "hashes", "licenses", "copyright")
_SERVICE_FIELDS = ("bom-ref", "name", "properties")


@dataclass(frozen=True, slots=True)
class RuleSet:
    """Something that files of a bundle call for and that nodes have installed. `licence` is an SPDX identifier.

    `called_for_by` are the paths of those files.
    """

    name: str
    version: str
    licence: str
    copyright: str
    called_for_by: frozenset[str]


@dataclass(frozen=True, slots=True)
class Materials:
    """What a bill is made of.

    `files` are those of the bundle by path, `compiler` is `name/version`, `snapshot_sha256` the digest of what was
    compiled. `uses` maps a file to the files that it needs beside it, `endpoints` a file to the URLs that it leads to.
    """

    files: Mapping[str, ManifestFile]
    compiler: str
    snapshot_sha256: str
    uses: Mapping[str, frozenset[str]] = field(default_factory=dict)
    endpoints: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    rule_sets: tuple[RuleSet, ...] = ()


def build_sbom(materials: Materials) -> bytes:
    """The bill's bytes."""
    hosts = _hosts(materials.endpoints)
    # The library is quadratic when things are added one by one, so each collection is assigned at once.
    bom = Bom(
        components=_components(materials),
        services=_services(hosts),
        serial_number=serial_number(materials),
    )
    document = json.loads(JsonV1Dot5(bom).output_as_string())
    return canonical.encode(
        {
            "$schema": SCHEMA,
            "bomFormat": "CycloneDX",
            "specVersion": "1.5",
            "version": 1,
            "serialNumber": document["serialNumber"],
            "metadata": {"component": _data(BUNDLE, {"bom-ref": BUNDLE, "type": "data", "name": BUNDLE})},
            "components": [
                _data(entry["bom-ref"], entry)
                for entry in _settled(document["components"], _COMPONENT_FIELDS)
            ],
            "services": [
                _reached(entry, hosts) for entry in _settled(document.get("services", ()), _SERVICE_FIELDS)
            ],
            "dependencies": _dependencies(materials, hosts),
        }
    )


def serial_number(materials: Materials) -> uuid.UUID:
    """UUIDv5 (RFC 9562) of the paths and hashes, and of the snapshot's."""
    lines = [f"{materials.files[path].sha256} {path}" for path in sorted(materials.files)]
    return uuid.uuid5(NAMESPACE, "\n".join([materials.snapshot_sha256, *lines]))


def _components(materials: Materials) -> list[Component]:
    name, _, version = materials.compiler.partition("/")
    return [
        *(
            _component(path, ComponentType.FILE, _file_ref(path), sha256=materials.files[path].sha256)
            for path in sorted(materials.files)
        ),
        _component(SNAPSHOT, ComponentType.DATA, SNAPSHOT, sha256=materials.snapshot_sha256),
        Component(name=name, version=version, type=ComponentType.APPLICATION, bom_ref=COMPILER),
        *(
            Component(
                name=one.name,
                version=one.version,
                type=ComponentType.DATA,
                bom_ref=_rule_set_ref(one),
                licenses=[DisjunctiveLicense(id=one.licence)],
                copyright=one.copyright,
            )
            for one in materials.rule_sets
        ),
    ]


def _component(name: str, kind: ComponentType, ref: str, *, sha256: str) -> Component:
    return Component(
        name=name, type=kind, bom_ref=ref, hashes=[HashType(alg=HashAlgorithm.SHA_256, content=sha256)]
    )


def _hosts(endpoints: Mapping[str, tuple[str, ...]]) -> dict[str, set[str]]:
    """Host → the URLs at which any file leads to it."""
    found: dict[str, set[str]] = {}
    # Most environments lead to the same places.
    for url in {url for urls in set(endpoints.values()) for url in urls}:
        found.setdefault(_host(url), set()).add(url)
    return found


def _host(url: str) -> str:
    # Most are plain, and there are thousands of them.
    plain = _PLAIN.fullmatch(url)
    return plain[1] if plain is not None else urlsplit(url).hostname or url


def _services(hosts: Mapping[str, set[str]]) -> list[Service]:
    if len(hosts) > MOST_HOSTS:
        count = Property(name="sentinel:hosts", value=str(len(hosts)))
        return [Service(name="upstream hosts", bom_ref=HOSTS, properties=[count])]
    return [Service(name=host, bom_ref=_host_ref(host)) for host in sorted(hosts)]


def _dependencies(materials: Materials, hosts: Mapping[str, set[str]]) -> list[dict[str, Any]]:
    """The whole graph, every node of it once: the bundle, its files, what they use and where they lead."""
    counted = len(hosts) > MOST_HOSTS
    called_for: dict[str, list[str]] = {}
    for one in materials.rule_sets:
        for path in one.called_for_by:
            called_for.setdefault(path, []).append(_rule_set_ref(one))
    graph: dict[str, Iterable[str]] = {
        BUNDLE: {*map(_file_ref, materials.files), SNAPSHOT, COMPILER},
        SNAPSHOT: (),
        COMPILER: (),
        **{_rule_set_ref(one): () for one in materials.rule_sets},
        **({HOSTS: ()} if counted else {_host_ref(host): () for host in hosts}),
    }
    for path in materials.files:
        urls = materials.endpoints.get(path, ())
        led_to = {HOSTS for _ in urls[:1]} if counted else {_host_ref(_host(url)) for url in urls}
        used = map(_file_ref, materials.uses.get(path, ()))
        graph[_file_ref(path)] = {*used, *led_to, *called_for.get(path, ())}
    return [
        {"ref": ref, "dependsOn": sorted(graph[ref])} if graph[ref] else {"ref": ref} for ref in sorted(graph)
    ]


def _settled(entries: Iterable[Mapping[str, Any]], known: tuple[str, ...]) -> list[dict[str, Any]]:
    """The library's entries, of each the fields that we know, in our order."""
    kept = [{name: entry[name] for name in known if name in entry} for entry in entries]
    return sorted(kept, key=lambda entry: str(entry["bom-ref"]))


def _data(ref: str, entry: dict[str, Any]) -> dict[str, Any]:
    """The entry, with the kind of data that it is; the library does not know that field."""
    if ref in (BUNDLE, SNAPSHOT):
        return {**entry, "data": [{"type": "configuration", "name": ref}]}
    return entry


def _reached(entry: dict[str, Any], hosts: Mapping[str, set[str]]) -> dict[str, Any]:
    """The entry, with the URLs; the library would escape the brackets of IPv6, which then is no URL any more."""
    return {**entry, "endpoints": sorted(hosts[entry["name"]])} if entry["name"] in hosts else entry


def _file_ref(path: str) -> str:
    return f"file:{path}"


def _host_ref(host: str) -> str:
    return f"host:{host}"


def _rule_set_ref(one: RuleSet) -> str:
    return f"rules:{one.name}"
