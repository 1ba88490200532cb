"""A whole configuration as parts with facts: routes, upstreams, listeners, filters, agents and settings."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from reconciler.compile.diff.agent_files import place_of
from reconciler.compile.diff.meaning import Fact, Facts, facts_of, filter_block
from reconciler.compile.native.grammar.agents import AGENT
from reconciler.compile.native.grammar.listeners import LISTENER, SERVICE_LISTENER
from reconciler.compile.native.grammar.observability import OBSERVABILITY
from reconciler.compile.native.grammar.routes import ROUTE
from reconciler.compile.native.grammar.stores import CACHE, LIMITS, RATE_LIMITS, WAF
from reconciler.compile.native.grammar.system import SYSTEM
from reconciler.compile.native.grammar.upstreams import UPSTREAM
from reconciler.compile.native.nodes import Node, Text
from reconciler.compile.native.reading import read_document
from reconciler.compile.native.scopes import read_configuration
from reconciler.compile.native.shape import Block
from reconciler.compile.reserved import MARKER_PREFIX, NAMESPACE
from reconciler.config.findings import Finding

Key = tuple[str, str]

_SETTINGS: Mapping[str, tuple[Block, bool]] = {
    "system": (SYSTEM, True),
    "limits": (LIMITS, True),
    "observability": (OBSERVABILITY, True),
    "rate-limits": (RATE_LIMITS, False),
    "cache": (CACHE, False),
    "waf": (WAF, False),
}
"""The blocks of which one holds for everything, and whether its absence means its defaults."""

_ROLES: Mapping[str, str] = {"auth": "auth", "waf": "waf", "rate_limit": "limit", "rate-limit": "limit"}
"""What an agent is for, by its type."""


@dataclass(frozen=True, slots=True)
class Part:
    """One thing of a configuration. `kind` is route, upstream, listener, filter, agent, setting, certificate or file.

    A name inside a namespace or service is written as the proxy writes it in full, with colons.
    """

    kind: str
    name: str
    facts: Mapping[str, Fact]

    def list(self, path: str) -> tuple[str, ...]:
        """The strings of a list; none when it is absent."""
        value = self.facts.get(path)
        return tuple(str(item) for item in value) if isinstance(value, tuple) else ()

    def below(self, path: str) -> dict[str, Fact]:
        """The facts at this path and below it."""
        return {
            key: fact
            for key, fact in self.facts.items()
            if key == path or key.startswith((f"{path}.", f"{path}["))
        }

    def names_secret(self, name: str) -> bool:
        """Whether a value of the part stands for a secret, or for a file with it."""
        wanted = {f"${{secret:{name}}}", f"${{secret-file:{name}}}"}
        return any(
            not wanted.isdisjoint(fact if isinstance(fact, tuple) else (fact,))
            for fact in self.facts.values()
            if isinstance(fact, (str, tuple))
        )

    @property
    def targets(self) -> dict[str, Fact]:
        """Addresses of an upstream's targets, with their weights."""
        return {key[7:-1]: fact for key, fact in self.facts.items() if key.startswith("target[")}


@dataclass(frozen=True, slots=True)
class Model:
    """A configuration by meaning."""

    parts: Mapping[Key, Part]
    _kinds: dict[str, dict[str, Part]] = field(default_factory=dict, compare=False, repr=False)
    _users: dict[Key, tuple[str, ...]] = field(default_factory=dict, compare=False, repr=False)

    def of(self, kind: str) -> Mapping[str, Part]:
        """The parts of a kind by name."""
        if kind not in self._kinds:
            self._kinds[kind] = {name: part for (of, name), part in self.parts.items() if of == kind}
        return self._kinds[kind]

    def role(self, filter_name: str) -> str:
        """What a filter is for: auth, waf, limit, or filter for everything else."""
        part = self.parts.get(("filter", filter_name))
        if part is None:
            return "filter"
        kind = part.facts.get("type")
        if kind == "rate-limit":
            return "limit"
        if kind != "agent":
            return "filter"
        return self.agent_role(str(part.facts.get("agent")))

    def agent_role(self, name: str) -> str:
        """What an agent is for: auth, waf, limit, or agent for everything else."""
        part = self.parts.get(("agent", name))
        return _ROLES.get(str(part.facts.get("type")), "agent") if part else "agent"

    def routes_with(self, kind: str, name: str) -> tuple[str, ...]:
        """Names of the routes that a part has to do with, sorted; the control plane's own are left out."""
        if kind == "route":
            return (name,)
        if kind == "file":
            place = place_of(name)
            return self.routes_with("agent", place[1]) if place else ()
        if kind == "secret":
            users = [part for part in self.parts.values() if part.names_secret(name)]
            return tuple(
                sorted({route for part in users for route in self.routes_with(part.kind, part.name)})
            )
        if not self._users:
            self._users.update(self._index())
        return self._users.get(("", "") if kind in ("setting", "listener") else (kind, name), ())

    def _index(self) -> dict[Key, tuple[str, ...]]:
        """The routes of each upstream, filter, agent and certificate; those of everything below an empty key."""
        agents = {name: str(part.facts.get("agent")) for name, part in self.of("filter").items()}
        users: dict[Key, set[str]] = {("", ""): set()}
        for route, part in self.of("route").items():
            if route.startswith(f"{NAMESPACE}:"):
                continue
            users[("", "")].add(route)
            for upstream in upstreams_of(part):
                users.setdefault(("upstream", upstream), set()).add(route)
            for name in part.list("filters"):
                users.setdefault(("filter", name), set()).add(route)
                if name in agents:
                    users.setdefault(("agent", agents[name]), set()).add(route)
        for name, part in self.of("certificate").items():
            for user in part.list("used-by"):
                kind, _, of = user.partition(" ")
                key = ("upstream", of) if kind == "upstream" else ("", "")
                users.setdefault(("certificate", name), set()).update(users.get(key, ()))
        return {key: tuple(sorted(routes)) for key, routes in users.items()}


def upstreams_of(route: Part) -> set[str]:
    """The upstreams that a route may send requests to."""
    names = {
        str(value)
        for key, value in route.facts.items()
        if key in ("upstream", "shadow.upstream") or key.endswith(".default-upstream")
    }
    names |= {
        key[len("fallback.fallback-upstream[") : key.index("]")]
        for key in route.facts
        if key.startswith("fallback.fallback-upstream[")
    }
    for value in route.list("inference.model-routing.model"):
        names.update(re.findall(r" upstream='([^']*)'", value))
    return names


def read_model(content: bytes, path: str) -> tuple[Model | None, tuple[Finding, ...]]:
    """The model of a configuration's text, or None and the syntax errors. Includes are not followed."""
    nodes, findings = read_document(content, path)
    if nodes is None or findings:
        return None, findings
    return model_of(nodes), ()


def model_of(nodes: Iterable[Node]) -> Model:
    """The model of the top-level nodes of a configuration."""
    document = Node(Text("", ""), "document", 0, False, (), tuple(nodes))
    parts: dict[Key, Part] = {}

    def add(kind: str, path: tuple[str, ...], node: Node, block: Block) -> None:
        name = ":".join((*path, node.string or node.string_of("id") or ""))
        facts = facts_of(node, block)
        if kind == "agent":
            label = node.property("type")
            facts["type"] = label.value if label else "custom"
        parts[(kind, name)] = Part(kind, name, facts)

    for scope in read_configuration(document):
        for node in scope.listeners:
            add("listener", scope.path, node, SERVICE_LISTENER if len(scope.path) == 2 else LISTENER)
        for node in scope.of("routes"):
            add("route", scope.path, node, ROUTE)
        for node in scope.of("upstreams"):
            add("upstream", scope.path, node, UPSTREAM)
        for node in scope.of("filters"):
            if not (node.string or "").startswith(MARKER_PREFIX):
                add("filter", scope.path, node, filter_block(node))
        for node in scope.of("agents"):
            add("agent", scope.path, node, AGENT)
        if scope.exports:
            exported: Facts = {
                block: tuple(sorted({name for name, _, _ in names})) for block, names in scope.exports.items()
            }
            name = f"exports of {':'.join(scope.path)}"
            parts[("setting", name)] = Part("setting", name, exported)
    for name, (block, always) in _SETTINGS.items():
        found = [n for n in document.nodes if n.name == name or (name == "system" and n.name == "server")]
        if found or always:
            parts[("setting", name)] = Part("setting", name, facts_of(found[-1] if found else None, block))
    return Model(parts)
