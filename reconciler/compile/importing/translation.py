"""The import itself: propose, compile, compare, and give back what the language cannot say."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from reconciler.compile.compiler import compile_snapshot
from reconciler.compile.diff.changes import Change
from reconciler.compile.diff.meaning import facts_of
from reconciler.compile.diff.model import model_of, read_model
from reconciler.compile.diff.text import field_text
from reconciler.compile.importing.comparison import differences
from reconciler.compile.importing.filters import middleware
from reconciler.compile.importing.original import HARMLESS, Original, scopes, written_again
from reconciler.compile.importing.proposing import NotSaid
from reconciler.compile.importing.repository import Files, Key, pieces
from reconciler.compile.importing.routes import service
from reconciler.compile.importing.ties import reordered
from reconciler.compile.importing.upstreams import listener, upstream
from reconciler.compile.native.grammar.system import SYSTEM
from reconciler.compile.native.nodes import Node
from reconciler.compile.proxies.parts import MERGED
from reconciler.compile.proxies.placing import unplaced
from reconciler.compile.reserved import system
from reconciler.config.characters import escaped, shown
from reconciler.config.findings import Finding, Place
from reconciler.config.kdl import KdlNode
from reconciler.config.kinds import KINDS
from reconciler.config.network import split_address
from reconciler.config.policy import DEFAULT_ADMIN_PORT
from reconciler.config.proxies import NEWEST
from reconciler.config.report import Problem
from reconciler.config.snapshot import read_snapshot
from reconciler.config.source import SourceFile
from reconciler.config.values import resource_name
from reconciler.config.writing import field_nodes
from reconciler.errors import Refused

BECOMES = {"listener": "listener", "upstream": "upstream", "filter": "middleware", "route": "service"}
"""Kinds of parts, and the kinds of resources that they become."""

_BLOCKS = {"listener": "listeners", "upstream": "upstreams", "filter": "filters", "route": "routes"}
_LEFT_OUT: Mapping[str, frozenset[str]] = {
    "system": frozenset({"auto-reload"}),
    "server": frozenset({"auto-reload"}),
    "observability": frozenset({"metrics"}),
}
_IN = re.compile(r" \(in [a-z0-9, -]+\)$")


@dataclass(frozen=True, slots=True)
class Named:
    """What an import calls the project and the environment, and the source that comments name."""

    project: str
    environment: str
    source: str


@dataclass(slots=True)
class Part:
    """One listener, upstream, filter or route. `data` is what it becomes; None when it stays native, for a reason."""

    kind: str
    name: str
    node: Node
    data: Mapping[str, Any] | None = None
    reason: str = ""

    @property
    def place(self) -> Place:
        return self.node.place()


@dataclass(frozen=True, slots=True)
class Imported:
    """The files by path; every part with what became of it; warnings of what was left out or is accepted as it is."""

    files: Mapping[str, str]
    parts: tuple[Part, ...]
    settings: tuple[str, ...]
    left_out: tuple[Finding, ...]
    accepted: tuple[str, ...]


def translate(configuration: Original, named: Named) -> Imported | tuple[Finding, ...]:
    """The repository, or why there can be none: the errors that it would have whatever is translated.

    Raises `Refused` E-CMP-091 when the compiled repository would not do the same.
    """
    work = _Work(configuration, named)
    before = model_of(configuration.nodes)
    while True:
        files = work.files()
        snapshot, findings = read_snapshot(
            SourceFile(path, text.encode()) for path, text in sorted(files.texts.items())
        )
        compilation = None
        if snapshot is not None:
            compilation, findings = compile_snapshot(snapshot)
        if compilation is None:
            errors = [finding for finding in findings if finding.is_error]
            if not [finding for finding in errors if work.answer(finding, files)]:
                return tuple(errors)
            continue
        after, _ = read_model(compilation.environments[0].config, "sentinel.kdl")
        changes = differences(before, after) if after is not None else ()
        if not changes and not work.put_in_order():
            return work.imported(files)
        if not changes:
            continue
        if not [change for change in changes if work.give_back(change)]:
            told = "; ".join(f"{change.action} {change.kind} {shown(change.name)}" for change in changes[:3])
            raise Refused(
                "E-CMP-091",
                f"the repository would not do the same as {shown(named.source)}: {told}",
                cure="Report this configuration; nothing was written",
            )


class _Work:
    """The parts as they stand, and the warnings that are accepted."""

    def __init__(self, configuration: Original, named: Named) -> None:
        self.configuration = configuration
        self.named = named
        self.accepted: set[str] = set()
        self.parts: dict[Key, Part] = {}
        root = configuration.root
        self._add("listener", root.listeners)
        for kind, block in list(_BLOCKS.items())[1:]:
            self._add(kind, root.effective(block).values())
        self.names = self._middlewares()
        for part in self.parts.values():
            self._propose(part)

    def _add(self, kind: str, nodes: Any) -> None:
        for node in nodes:
            self.parts[(kind, node.string)] = Part(kind, node.string, node)

    def _of(self, kind: str) -> Iterator[Part]:
        return (part for part in self.parts.values() if part.kind == kind)

    def _beginnings(self) -> frozenset[str]:
        """What stands before the first dot of a name: no service or middleware may be called so."""
        root = self.configuration.root
        named = (node.string or "" for block in root.blocks for node in root.of(block))
        return frozenset(name.partition(".")[0] for name in named if "." in name)

    def _middlewares(self) -> dict[str, str]:
        """The name of the middleware that stands for each filter."""
        taken = {part.name for part in self._of("filter") if _is_name(part.name)} | self._beginnings()
        found: dict[str, str] = {}
        for part in self._of("filter"):
            name = part.name
            if not _is_name(name) or name in self._beginnings():
                stem = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:50] or "filter"
                stem = stem if stem[0].isalpha() and not stem.startswith("sentinel") else f"filter-{stem}"
                name, number = stem, 1
                while name in taken:
                    number += 1
                    name = f"{stem}-{number}"
                taken.add(name)
            found[part.name] = name
        return found

    def _propose(self, part: Part) -> None:
        make: Mapping[str, Callable[[Node], Mapping[str, Any]]] = {
            "listener": listener,
            "upstream": upstream,
            "filter": middleware,
            "route": lambda node: service(node, self.names),
        }
        try:
            if not _is_name(part.name):
                raise NotSaid("a resource cannot be called so")
            if part.kind in ("route", "filter") and part.name in self._beginnings():
                raise NotSaid("another part's name begins with this one and a dot")
            bad = [f for f in self.configuration.warnings_in(part.node) if f.code not in HARMLESS]
            if bad:
                raise NotSaid(f"the proxy does not honour all of it: {bad[0].message}")
            part.data = make[part.kind](part.node)
        except NotSaid as no:
            part.reason = str(no)

    def answer(self, finding: Finding, files: Files) -> bool:
        """Do what lets a finding go away; whether there was anything to do."""
        key = files.at(finding.place) if finding.place is not None else None
        if key is None:
            return False
        if key[0] == "proxy":
            new = finding.code.startswith("W-NAT-") and finding.code not in self.accepted
            self.accepted.update([finding.code] if new else [])
            return new
        return self._demote(key, _IN.sub("", finding.message))

    def give_back(self, change: Change) -> bool:
        """Make native what would be different; whether there was anything to do."""
        if change.kind == "setting" and change.name == "cache":
            cached = [part for part in self._of("route") if part.data and "cache" in part.data]
            reason = "the configuration has no cache block, and a service with a cache makes one"
            return bool([part for part in cached if self._demote((part.kind, part.name), reason)])
        reason = (
            f"it would not be the same: {field_text(change.fields[0])}"
            if change.fields
            else "it would be gone"
        )
        if change.kind == "upstream" and str(change.action) == "removed":
            reason = "no route uses it"
        return self._demote((change.kind, change.was or change.name), reason)

    def put_in_order(self) -> bool:
        """Make native what would come in another order where order may decide; whether there was anything."""
        said = sorted(part.name for part in self._of("route") if part.data is not None)
        after = [*said, *(part.name for part in self._of("route") if part.data is None)]
        changed = False
        for pair in list(reordered((part.node for part in self._of("route")), after)):
            reason = f"only the order decides between the routes {shown(pair[0])} and {shown(pair[1])}"
            given_back = [name for name in pair if self._demote(("route", name), reason)]
            changed = changed or bool(given_back)
        return changed

    def _demote(self, key: Key, reason: str) -> bool:
        part = self.parts.get(key)
        if part is None or part.data is None:
            return False
        part.data, part.reason = None, reason
        return True

    def _native_filters(self) -> frozenset[str]:
        """Filters that stay native: those that cannot be said, those that native routes name, and those of nobody."""
        routes = [part.node for part in self._of("route") if part.data is None]
        routes += [route for scope in scopes(self.configuration) for route in scope.of("routes")]
        native = {name for route in routes for name in _filters(route)}
        used = {name for part in self._of("route") if part.data is not None for name in _filters(part.node)}
        found = set()
        for part in self._of("filter"):
            if part.data is not None and part.name in native:
                part.reason = "a route that stays native names it"
            elif part.data is not None and part.name not in used:
                part.reason = "no route names it"
            elif part.data is not None:
                part.reason = ""
                continue
            found.add(part.name)
        return frozenset(found)

    def files(self) -> Files:
        """The repository as things stand."""
        native_filters = self._native_filters()
        files = Files()
        self._project(files)
        for kind, name in (("listener", "listeners"), ("upstream", "upstreams")):
            found = [part for part in self._of(kind) if part.data is not None]
            files.add(name, self._comment(f"The {name} of"), (self._resource(part) for part in found))
        files.add("middlewares", self._comment("The filters of"), self._middleware_resources(native_filters))
        services = (self._resource(part) for part in self._of("route") if part.data is not None)
        files.add("services", self._comment("The routes of"), services)
        self._native(files, native_filters)
        return files

    def _comment(self, begin: str) -> list[str]:
        return [f"{begin} {shown(self.named.source)}, by sentinelctl import."]

    def _project(self, files: Files) -> None:
        port = _admin_port(self.configuration)
        children = [KdlNode("proxy-version", (NEWEST,))]
        if port != DEFAULT_ADMIN_PORT:
            children.append(KdlNode("admin-port", (port,)))
        comment = [
            *self._comment("Made from"),
            "",
            "What the language says stands in listeners.kdl, upstreams.kdl, middlewares.kdl and services.kdl;",
            "native.kdl holds the rest as it was. sentinelctl build compiles all of it to what does the same, with the",
            f"control plane's own listener on 127.0.0.1:{port} and metrics on 127.0.0.1:{port + 1}.",
        ]
        resources = (
            (("project", ""), KdlNode("project", (self.named.project,))),
            (
                ("environment", ""),
                KdlNode("environment", (self.named.environment,), children=tuple(children)),
            ),
        )
        files.add("project", comment, resources)

    def _resource(self, part: Part) -> tuple[Key, KdlNode]:
        kind = KINDS[BECOMES[part.kind]]
        children = tuple(field_nodes(kind.field, part.data or {}))
        return (part.kind, part.name), KdlNode(kind.name, (part.name,), children=children)

    def _middleware_resources(self, native: frozenset[str]) -> Iterator[tuple[Key, KdlNode]]:
        named = {name for part in self._of("route") if part.data is not None for name in _filters(part.node)}
        for part in self._of("filter"):
            if part.name not in native:
                yield self._resource(part)
            elif part.name in named:
                inside = KdlNode("native", children=(KdlNode("filter", (part.name,)),))
                yield (
                    ("middleware", part.name),
                    KdlNode("middleware", (self.names[part.name],), children=(inside,)),
                )

    def _native(self, files: Files, filters: frozenset[str]) -> None:
        blocks: dict[str, list[KdlNode]] = {name: list(nodes) for name, nodes in self._settings()}
        blocks["agents"] = [written_again(node) for node in self.configuration.root.of("agents")]
        for kind, block in _BLOCKS.items():
            native = [
                p for p in self._of(kind) if (p.name in filters if kind == "filter" else p.data is None)
            ]
            blocks[block] = [written_again(part.node) for part in native]
        if not any(self._of("route")):
            # A repository without services has to say that there are no routes.
            blocks["no routes"] = [KdlNode("routes", braces=True)]
        accept = [KdlNode("accept", tuple(sorted(self.accepted)))] if self.accepted else []
        resources = []
        for number, group in enumerate(pieces(blocks, MERGED), 1):
            name = "native" if number == 1 else f"native-{number}"
            resources.append((("proxy", name), KdlNode("proxy", (name,), children=(*accept, *group))))
        files.add("native", self._reasons(filters), resources)

    def _reasons(self, filters: frozenset[str]) -> list[str]:
        lines = self._comment("What the language does not say of")
        kept = [
            part
            for part in self.parts.values()
            if part.data is None or (part.kind == "filter" and part.name in filters)
        ]
        if kept:
            lines.append("Why a part stays in the proxy's own language:")
        lines += [f"  {part.kind} {shown(part.name)}: {escaped(part.reason)}" for part in kept]
        return lines

    def _settings(self) -> Iterator[tuple[str, list[KdlNode]]]:
        """Blocks that hold for the whole proxy, without what is the control plane's own."""
        block = self.configuration.last("system", "server")
        if block is not None:
            ours = facts_of(unplaced(system()), SYSTEM)
            if {**facts_of(block, SYSTEM), "auto-reload": False} != ours:
                yield "system", [written_again(block, without=_LEFT_OUT)._replace(name="system")]
        for name in ("waf", "limits", "rate-limits", "cache", "observability"):
            block = self.configuration.last(name)
            if block is not None:
                node = written_again(block, without=_LEFT_OUT)
                if node.children or name not in ("observability", "limits"):
                    yield name, [node]
        spaces = [written_again(scope.node) for scope in self.configuration.namespaces if scope.node]
        if spaces:
            yield "namespace", spaces

    def imported(self, files: Files) -> Imported:
        """The result, when nothing is to be changed any more."""
        native = self._native_filters()
        for part in self._of("filter"):
            if part.name in native:
                part.data = None
        said = [part for part in self.parts.values() if part.data is not None]
        left_out = [
            finding
            for part in said
            for finding in self.configuration.warnings_in(part.node)
            if finding.code == "W-NAT-006"
        ]
        return Imported(
            files.texts,
            tuple(self.parts.values()),
            tuple(name for name, _ in self._settings()),
            tuple(left_out),
            tuple(sorted(self.accepted)),
        )


def _is_name(name: str) -> bool:
    return not isinstance(resource_name().read(name), Problem)


def _filters(route: Node) -> list[str]:
    named = route.child("filters")
    return [name for name, _ in named.strings()] if named else []


def _admin_port(configuration: Original) -> int:
    """The first pair of ports from the default on that no listener uses."""
    ports = set()
    for node in configuration.root.listeners:
        try:
            ports.add(split_address(node.string_of("address") or "")[1])
        except ValueError:
            continue
    port = DEFAULT_ADMIN_PORT
    while {port, port + 1} & ports:
        port += 1
    return port
