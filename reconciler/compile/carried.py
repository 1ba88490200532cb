"""What a bundle carries for an environment beside configurations: chains of certificates, trust stores, plugins.

Only what something in the environment uses is carried. A file that is another in an environment than elsewhere has the
environment in its name, because all environments of a bundle share these folders.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from reconciler.compile.in_use import CertificateInUse
from reconciler.compile.resolving import Applied, Pair
from reconciler.compile.shared import used_upstreams
from reconciler.config.durations import seconds
from reconciler.config.pem import certificates, written
from reconciler.config.resources import Resource
from reconciler.config.snapshot import Rendering

Data = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Chains:
    """The certificates in use, what stands for each in the proxy's configuration, and files by path in the bundle."""

    files: Mapping[str, bytes]
    pairs: Mapping[str, Pair]
    certificates: tuple[CertificateInUse, ...]

    @property
    def at_start(self) -> tuple[CertificateInUse, ...]:
        """Those that the proxy reads only when it starts."""
        return tuple(one for one in self.certificates if any(u.startswith("listener ") for u in one.used_by))


def chains(rendering: Rendering) -> Chains:
    """The chains that listeners and the upstreams in use name. Nothing named may be missing."""
    if not rendering.of("certificate"):
        return Chains({}, {}, ())
    environment = rendering.policy.name
    users = _users(rendering)
    versions = {
        resource.name: item["version"]
        for resource, data in rendering.of("secret")
        for item in data.get("sealed", ())
        if item["environment"] == environment
    }
    files: dict[str, bytes] = {}
    pairs: dict[str, Pair] = {}
    found: list[CertificateInUse] = []
    for resource, data in rendering.of("certificate"):
        if resource.name not in users:
            continue
        chain = certificates(rendering.attached[data["chain"]])
        path = f"certificates/{_stem(resource, environment, 'chain')}.pem"
        files[path] = written(chain)
        pairs[resource.name] = Pair(in_bundle(path), f"${{secret-file:{data['key']}}}")
        found.append(
            CertificateInUse.of(
                resource.name,
                chain,
                files[path],
                secret=data["key"],
                version=versions[data["key"]],
                warn_seconds=seconds(data["warn-before"]),
                used_by=tuple(users[resource.name]),
            )
        )
    return Chains(files, pairs, tuple(found))


def trust_files(rendering: Rendering) -> dict[str, bytes]:
    """The trust stores that the upstreams in use name, each as one file."""
    stores = rendering.of("trust-store")
    if not stores:
        return {}
    named = {data.get("tls", {}).get("trust-store") for _, data in upstreams_in_use(rendering)}
    found = {}
    for resource, data in stores:
        if resource.name in named:
            issuers = {c.der: c for file in data["files"] for c in certificates(rendering.attached[file])}
            path = f"trust/{_stem(resource, rendering.policy.name, 'files')}.pem"
            found[path] = written(tuple(issuers.values()))
    return found


def plugin_files(rendering: Rendering, applied: Iterable[Applied]) -> dict[str, bytes]:
    """The plugins that the agents of custom middlewares run, and for each agent the list of its own."""
    environment = rendering.policy.name
    plugins = {resource.name: (resource, data) for resource, data in rendering.of("plugin")}
    found: dict[str, bytes] = {}
    for one in applied:
        listed = []
        for name in one.data.get("plugins", ()) if one.type == "custom" else ():
            resource, data = plugins[name]
            content = rendering.attached[data["file"]]
            path = f"plugins/{_stem(resource, environment, 'file')}.{data['type']}"
            found[path] = content
            digest = hashlib.sha256(content).hexdigest()
            listed.append({"name": name, "type": data["type"], "path": in_bundle(path), "sha256": digest})
        if listed:
            text = json.dumps({"plugins": listed}, indent=2, sort_keys=True) + "\n"
            found[f"agents/{environment}/custom/{one.filter_id()}.json"] = text.encode("ascii")
    return found


def in_bundle(path: str) -> str:
    """What stands for the absolute path of a file of the bundle until a node puts it there."""
    return f"${{bundle:{path}}}"


def _stem(resource: Resource, environment: str, field: str) -> str:
    """The name of a resource's file, with the environment in it where it has its own. No resource's name has a dot."""
    override = resource.overrides.get(environment)
    return f"{resource.name}.{environment}" if override and field in override.data else resource.name


def _users(rendering: Rendering) -> dict[str, list[str]]:
    """Name of a certificate → what uses it, listeners first."""
    found: dict[str, list[str]] = {}
    for resource, data in rendering.of("listener"):
        for name in data.get("certificate", ()):
            found.setdefault(name, []).append(f"listener {resource.name}")
    for resource, data in upstreams_in_use(rendering):
        name = data.get("tls", {}).get("client-certificate")
        if name is not None:
            found.setdefault(name, []).append(f"upstream {resource.name}")
    return found


def upstreams_in_use(rendering: Rendering) -> Iterator[tuple[Resource, Data]]:
    """The upstreams that services of an environment send requests to."""
    services = [data for _, data in rendering.of("service")]
    used = used_upstreams(services)
    used |= {part["name"] for data in services for part in data.get("split", ()) if part["weight"]}
    for resource, data in rendering.of("upstream"):
        if resource.name in used:
            yield resource, data
