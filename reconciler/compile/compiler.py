"""From a snapshot to the configuration of every environment. A pure function: the same snapshot, the same bytes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any

from reconciler.compile import reserved, shared
from reconciler.compile.agents import beside
from reconciler.compile.carried import chains, plugin_files, trust_files
from reconciler.compile.checks import rendering_objections
from reconciler.compile.identity import config_id, restart_key
from reconciler.compile.in_use import CertificateInUse
from reconciler.compile.listeners import listener_node
from reconciler.compile.materials import snapshot_sha256
from reconciler.compile.objections import Objection
from reconciler.compile.proxies.parts import native_parts
from reconciler.compile.proxies.restarting import native_restarts
from reconciler.compile.resolving import Resolver
from reconciler.compile.sealed import SealedSecret, needed, pinned, sealed_secrets
from reconciler.compile.services import (
    MAX_ROUTES,
    filter_names,
    filter_nodes,
    route_count,
    route_nodes,
    split_nodes,
    start_nodes,
)
from reconciler.compile.texts import Texts, text_of
from reconciler.compile.upstreams import health_check, upstream_node
from reconciler.config import limits
from reconciler.config.findings import Finding
from reconciler.config.kdl import KdlNode
from reconciler.config.policy import EnvironmentPolicy
from reconciler.config.report import Problem, Report, placed
from reconciler.config.snapshot import Rendering, Snapshot
from reconciler.pinned import Pinned

COMPILER = "sentinel-compiler/0.3.0"
"""Name and version. It changes whenever the same snapshot would give other bytes."""

SCHEMA_VERSION = "1.0"


@dataclass(frozen=True, slots=True)
class CompiledEnvironment:
    """The configuration of one environment.

    `config` is the proxy's whole `sentinel.kdl`, UTF-8. `config_id` and `restart_key` have 16 hex digits. `files` are
    further files of the environment by their path in a bundle. `secrets` name the sealed values that these files need;
    the manifest lists them, and nothing sealed is in any file. `certificates` are those that something uses,
    `endpoints` the URLs of the upstreams' targets. An older proxy than `proxy_version` may not understand the
    configuration; empty where the environment did not say. An agent older than `agent_version` is not given it.
    """

    name: str
    config: bytes
    config_id: str
    restart_key: str
    files: Mapping[str, bytes]
    secrets: Mapping[str, Pinned] = field(default_factory=dict)
    certificates: tuple[CertificateInUse, ...] = ()
    endpoints: tuple[str, ...] = ()
    proxy_version: str = ""
    agent_version: str = ""

    def to_json(self, keep: Callable[[bytes], Any]) -> dict[str, Any]:
        """A JSON object. Contents of files are what `keep` gives for them."""
        return {
            "name": self.name,
            "config": keep(self.config),
            "config_id": self.config_id,
            "restart_key": self.restart_key,
            "proxy_version": self.proxy_version,
            "agent_version": self.agent_version,
            "files": {path: keep(content) for path, content in self.files.items()},
            "secrets": {name: pinned.to_json() for name, pinned in self.secrets.items()},
            "certificates": [certificate.to_json() for certificate in self.certificates],
            "endpoints": keep(_lines(self.endpoints)),
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any], kept: Callable[[Any], bytes]) -> CompiledEnvironment:
        """The environment that `to_json` gave; `kept` gives back what was kept.

        Raises KeyError, TypeError and ValueError for anything else.
        """
        config = kept(data["config"])
        config.decode()  # Whoever reads it later relies on its being UTF-8.
        return cls(
            name=data["name"],
            config=config,
            config_id=data["config_id"],
            restart_key=data["restart_key"],
            proxy_version=str(data["proxy_version"]),
            agent_version=str(data["agent_version"]),
            files={path: kept(content) for path, content in data["files"].items()},
            secrets={str(name): Pinned.from_json(item) for name, item in data["secrets"].items()},
            certificates=tuple(CertificateInUse.from_json(item) for item in data["certificates"]),
            endpoints=_of_lines(kept(data["endpoints"])),
        )


@dataclass(frozen=True, slots=True)
class Compilation:
    """All environments in promotion order, and their policies in the same order.

    `snapshot_sha256` is the hex digest of what the files were made from, see `materials.snapshot_sha256`. `sealed` is
    what the commit brings along for whoever delivers secrets; it is no part of the bundle.
    """

    environments: tuple[CompiledEnvironment, ...]
    policies: tuple[EnvironmentPolicy, ...]
    snapshot_sha256: str
    sealed: tuple[SealedSecret, ...] = ()

    def to_json(self, keep: Callable[[bytes], Any]) -> dict[str, Any]:
        """A JSON object. Contents of files are what `keep` gives for them."""
        return {
            "environments": [environment.to_json(keep) for environment in self.environments],
            "policies": [policy.to_json() for policy in self.policies],
            "snapshot_sha256": self.snapshot_sha256,
            "sealed": [secret.to_json() for secret in self.sealed],
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any], kept: Callable[[Any], bytes]) -> Compilation:
        """The compilation that `to_json` gave; `kept` gives back what was kept.

        Raises KeyError, TypeError and ValueError for anything else.
        """
        return cls(
            environments=tuple(CompiledEnvironment.from_json(item, kept) for item in data["environments"]),
            policies=tuple(EnvironmentPolicy.from_json(item) for item in data["policies"]),
            snapshot_sha256=str(data["snapshot_sha256"]),
            sealed=tuple(SealedSecret.from_json(item) for item in data["sealed"]),
        )


# Most environments lead to the same places, of which there are thousands.
@lru_cache(maxsize=1)
def _lines(endpoints: tuple[str, ...]) -> bytes:
    return "\n".join(endpoints).encode()


@lru_cache(maxsize=1)
def _of_lines(lines: bytes) -> tuple[str, ...]:
    return tuple(lines.decode().split())


def compile_snapshot(snapshot: Snapshot) -> tuple[Compilation | None, tuple[Finding, ...]]:
    """The compilation and all findings; None when an error stands in the way in any environment."""
    findings = check_snapshot(snapshot)
    if any(finding.is_error for finding in findings):
        return None, findings
    return make_compilation(snapshot), findings


def is_bounded(snapshot: Snapshot) -> bool:
    """Whether what the snapshot is compiled to grows with its text alone, so that it may be made before it is
    checked."""
    if len(snapshot.environments) > limits.ENVIRONMENTS:
        return False
    distinct = {
        id(data): data for name in snapshot.environments for _, data in snapshot.rendering(name).of("service")
    }
    return all(route_count(data) <= MAX_ROUTES for data in distinct.values())


def make_compilation(snapshot: Snapshot) -> Compilation:
    """The compilation of a snapshot whose checks have found no error. Of another it may fail with any exception."""
    renderings = [snapshot.rendering(name) for name in snapshot.environments]
    texts, resolver = Texts(), Resolver()
    sealed = sealed_secrets(snapshot)
    made: dict[tuple[Any, ...], CompiledEnvironment] = {}
    environments = []
    for rendering in renderings:
        policy = rendering.policy
        same = (policy.proxy_version, policy.admin_port, rendering.ingredients())
        if same not in made or _is_special(made[same], rendering):
            made[same] = _compile(rendering, texts, resolver, sealed)
        environments.append(replace(made[same], name=policy.name, agent_version=policy.agent_version))
    return Compilation(tuple(environments), snapshot.policies, snapshot_sha256(snapshot), sealed)


def check_snapshot(snapshot: Snapshot) -> tuple[Finding, ...]:
    """The objections of all environments; one that several share is told once, with their names."""
    renderings = [snapshot.rendering(name) for name in snapshot.environments]
    grouped: dict[tuple[Any, ...], tuple[Objection, list[str]]] = {}
    made: dict[tuple[Any, ...], tuple[Objection, ...]] = {}
    for rendering in renderings:
        policy = rendering.policy
        # Native parts are looked at as they are written for the environment; nothing else looks at its name.
        apart = policy.name if rendering.of("proxy") else None
        same = (policy.proxy_version, policy.admin_port, apart, rendering.ingredients())
        if same not in made:
            made[same] = tuple(rendering_objections(rendering))
        for objection in made[same]:
            key = (
                objection.resource.key if objection.resource else None,
                objection.path,
                objection.place,
                objection.problem,
            )
            grouped.setdefault(key, (objection, []))[1].append(rendering.policy.name)
    report = Report()
    for objection, names in grouped.values():
        problem = objection.problem
        where = f" (in {', '.join(names)})"
        told = Problem(
            problem.code, problem.message + where, problem.expected, problem.hint, problem.severity
        )
        resource = objection.resource or snapshot.resources[("environment", names[0])]
        if objection.place is not None:
            report.extend([placed(told, objection.place)])
            continue
        report.add(resource.mark(objection.path, environment=names[0], value=objection.value), told)
    return report.resolved()


def _is_special(made: CompiledEnvironment, rendering: Rendering) -> bool:
    """Whether an environment has to be compiled by itself although another, `made`, has the same ingredients.

    Its name is part of the paths of files, decides which sealed values are meant, and may stand in native parts.
    """
    return bool(made.files or made.secrets or made.certificates or rendering.of("proxy"))


def _section(name: str, *bodies: bytes) -> tuple[bytes, ...]:
    """A block of the configuration in parts: they are large, and joining is left to the end."""
    return (f"{name} {{\n".encode(), *bodies, b"}\n") if any(bodies) else ()


def _health_checks(name: str, data: Mapping[str, Any]) -> tuple[KdlNode, ...]:
    if "health-check" not in data:
        return ()
    return (KdlNode("upstream", (name,), children=(health_check(data["health-check"]),)),)


def _largest(*wanted: Mapping[str, int]) -> dict[str, int]:
    """For each side the most that anyone wants."""
    return {
        side: max(one.get(side, 0) for one in wanted) for side in sorted({s for one in wanted for s in one})
    }


def _compile(
    rendering: Rendering, texts: Texts, resolver: Resolver, sealed: tuple[SealedSecret, ...]
) -> CompiledEnvironment:
    policy = rendering.policy
    guarded = beside(rendering)
    native = native_parts(rendering)
    carried = chains(rendering)
    services = resolver.services(rendering, guarded.guards, carried.pairs)
    resolved = [data for _, data in services]
    applied = shared.applied_once(resolved)

    written = texts.group(services)

    system = text_of([native.last("system") or reserved.system()])
    listeners = _section(
        "listeners",
        text_of(
            [
                *(listener_node(r.name, data, carried.pairs) for r, data in rendering.of("listener")),
                *native.inside("listeners"),
                reserved.admin_listener(policy.admin_port),
            ],
            indent=1,
        ),
    )
    observability = text_of([reserved.observability(policy.admin_port + 1, native.last("observability"))])
    # An upstream that no route names would be an orphan to the proxy, and a warning of its own check.
    used = shared.used_upstreams(resolved) | native.named_upstreams()
    upstreams = resolver.upstreams(rendering, carried.pairs)
    targets = texts.group([(resource, data) for resource, data in upstreams if resource.name in used])
    agents = _section(
        "agents",
        text_of([*guarded.agents, *shared.agent_nodes(applied)], indent=1),
        text_of(native.inside("agents"), indent=1),
    )
    filters = (
        texts.of("filters", filter_nodes, written),
        text_of([*guarded.filters, *shared.shared_filters(applied), *native.inside("filters")], indent=1),
    )
    inspection = shared.inspection(_largest(guarded.inspected_bytes, shared.inspected_bytes(applied)))
    own_cache = native.last("cache")
    cache = text_of([own_cache] if own_cache else shared.cache_nodes(resolved))
    before = (
        text_of([KdlNode("schema-version", (SCHEMA_VERSION,))]),
        system,
        *listeners,
        *_section(
            "upstreams",
            texts.of("upstream", upstream_node, targets),
            texts.of("split", split_nodes, written),
            text_of(native.inside("upstreams"), indent=1),
        ),
        *agents,
    )
    after = (
        *_section(
            "routes", texts.of("routes", route_nodes, written), text_of(native.inside("routes"), indent=1)
        ),
        text_of([inspection] if inspection else []),
        text_of(shared.limits_nodes(resolved)),
        text_of(node for name in ("waf", "limits", "rate-limits") if (node := native.last(name))),
        cache,
        text_of([*native.blocks("namespace"), reserved.admin_namespace()]),
        observability,
    )
    identity = config_id(
        (*before, *_section("filters", *filters), *after), (one.sha256 for one in carried.certificates)
    )
    marker = text_of([reserved.marker(identity)], indent=1)
    # What the proxy reads only when it starts. Targets of health checks are left out on purpose: the probes decide
    # nothing, and a restart for every changed target would cut connections.
    named = ((resource.name, filter_names(resource.name, data)) for resource, data in services)
    key = restart_key(
        [
            system,
            b"".join(listeners),
            observability,
            texts.of("checks", _health_checks, targets),
            texts.of("starts", start_nodes, written),
            b"".join(agents),
            cache,
            *(f"{one.name} {one.sha256} {one.secret} {one.version}".encode() for one in carried.at_start),
            *([text_of(native_restarts(native, named))] if native else []),
        ]
    )
    config = b"".join((*before, *_section("filters", *filters, marker), *after))
    return CompiledEnvironment(
        name=policy.name,
        config=config,
        config_id=identity,
        restart_key=key,
        proxy_version=policy.proxy_version,
        files={
            **guarded.files,
            **carried.files,
            **trust_files(rendering),
            **plugin_files(rendering, applied),
        },
        secrets=pinned(sealed, policy.name, needed([config, *guarded.files.values()])),
        certificates=carried.certificates,
        endpoints=texts.endpoints(rendering),
    )
