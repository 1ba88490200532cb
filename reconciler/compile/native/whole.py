"""Checks of a configuration as a whole: what it needs, what it has twice, and the values of blocks that count."""

from __future__ import annotations

from collections.abc import Iterable

from reconciler.compile.native.nodes import Node
from reconciler.compile.native.report import Report
from reconciler.compile.native.scopes import Configuration, Scope
from reconciler.config.characters import shown

BODY_BUFFER = 1_048_576
"""Bytes that the proxy buffers of a body; KDL cannot set it, and max-body-size may not be less."""


def check_whole(report: Report, document: Node, configuration: Configuration) -> None:
    """All of them."""
    check_needed(report, document, configuration.root)
    check_duplicates(report, configuration)
    check_addresses(report, document, configuration.root.listeners)
    check_domains(report, configuration.root.listeners)
    check_agents(report, configuration.root)
    _check_limits(report, document)
    _check_waf(report, document)


def check_needed(report: Report, document: Node, root: Scope) -> None:
    """`system`, and at least one listener."""
    if document.child("system") is None and document.child("server") is None:
        report.add(
            "E-NAT-004",
            document,
            "there is no system block",
            expected="system { }",
            hint="add system { }; it may be empty",
        )
    if not root.listeners:
        report.add(
            "E-NAT-004",
            document.child("listeners") or document,
            "there is no listener",
            expected="at least one listener in a listeners block",
            hint='add listeners { listener "http" { address "0.0.0.0:8080" } }',
        )


def _twice(report: Report, nodes: Iterable[Node], kind: str, *, refused: bool) -> None:
    seen: dict[str, Node] = {}
    for node in nodes:
        name = node.string or ""
        if name in seen:
            first = seen[name].place()
            consequence = "" if refused else "; the proxy does not refuse this, and only one of them counts"
            report.add(
                "E-NAT-009" if refused else "W-NAT-005",
                node,
                f"the {kind} {shown(name)} is defined a second time, after {first.path}:{first.line}{consequence}",
                at=node.first.value_at if node.first else None,
                expected="each name once",
                hint="rename or remove one of the two",
            )
        seen.setdefault(name, node)


def check_duplicates(report: Report, configuration: Configuration) -> None:
    """Names that are given twice. The proxy looks at upstreams and filters only across blocks."""
    root = configuration.root
    _twice(report, (n for n in root.listeners if n.string is not None), "listener", refused=True)
    for scope in configuration:
        for block, kind in (("routes", "route"), ("agents", "agent")):
            _twice(report, scope.of(block), kind, refused=not scope.path)
        for block, kind in (("upstreams", "upstream"), ("filters", "filter")):
            groups = scope.blocks.get(block, [])
            for nodes in groups:
                _twice(report, nodes, kind, refused=False)
            firsts = [list({n.string: n for n in reversed(nodes)}.values())[::-1] for nodes in groups]
            _twice(report, (n for nodes in firsts for n in nodes), kind, refused=True)
    _twice(report, _named(configuration.namespaces), "namespace", refused=True)
    for namespace in configuration.namespaces:
        _twice(report, _named(namespace.services), "service", refused=True)


def _named(scopes: Iterable[Scope]) -> list[Node]:
    return [scope.node for scope in scopes if scope.node is not None and scope.node.string is not None]


def check_addresses(report: Report, document: Node, listeners: Iterable[Node]) -> None:
    """Listeners' addresses are compared as strings; the metrics server's is not compared at all."""
    seen: set[str] = set()
    for listener in listeners:
        child = listener.child("address")
        if child is None or child.string is None or child.first is None:
            continue
        if child.string in seen:
            report.add(
                "E-NAT-009",
                child,
                f"the address {shown(child.string)} is listened on twice",
                at=child.first.value_at,
                expected="each address once",
                hint="choose another port",
            )
        seen.add(child.string)
        if child.string == _metrics_address(document):
            report.add(
                "W-NAT-019",
                child,
                f"the metrics server listens on {child.string} too, and it is on unless it is switched off",
                at=child.first.value_at,
                expected="an address of its own",
                hint="set the address of metrics in observability",
            )


def _metrics_address(document: Node) -> str | None:
    blocks = document.all("observability")
    metrics = blocks[-1].all("metrics") if blocks else ()
    if not metrics:
        return "0.0.0.0:9090"
    enabled = metrics[-1].child("enabled")
    if enabled is not None and enabled.first is not None and enabled.first.value is False:
        return None
    return metrics[-1].string_of("address") or "0.0.0.0:9090"


def check_domains(report: Report, listeners: Iterable[Node]) -> None:
    """Each domain belongs to one ACME block of all global listeners, whatever its case."""
    seen: set[str] = set()
    for listener in listeners:
        tls = listener.child("tls")
        for owner in (tls, *tls.all("sni")) if tls else ():
            acme = owner.child("acme") if owner else None
            for child in acme.all("domains") if acme else ():
                for domain, at in child.strings():
                    if domain.lower() in seen:
                        report.add(
                            "E-NAT-017",
                            child,
                            f"the domain {shown(domain)} stands in two acme blocks, or twice in one",
                            at=at,
                            expected="each domain once",
                            hint="remove one of the two",
                        )
                    seen.add(domain.lower())


def check_agents(report: Report, root: Scope) -> None:
    """Timeouts and limits of global agents are not 0. Of several the last one counts."""
    for agent in root.of("agents"):
        for key in ("timeout-ms", "chunk-timeout-ms", "max-request-body-bytes", "max-response-body-bytes"):
            given = [node for node in agent.all(key) if node.integer is not None]
            last = given[-1] if given else None
            if last is not None and last.integer is not None and last.integer % 2**64 == 0 and last.first:
                report.add(
                    "E-NAT-008",
                    last,
                    f"'{key}' is {last.integer}",
                    at=last.first.value_at,
                    expected="a number greater than 0",
                    hint="write a greater number, or remove the line for the default",
                )


def _check_limits(report: Report, document: Node) -> None:
    blocks = document.all("limits")
    for key, least in (("max-body-size", BODY_BUFFER), ("max-header-size", 1), ("max-header-count", 1)):
        child = blocks[-1].child(key) if blocks else None
        if child is None or child.integer is None or child.first is None:
            continue
        if child.integer % 2**64 < least:
            report.add(
                "E-NAT-008",
                child,
                f"'{key}' is {child.integer}",
                at=child.first.value_at,
                expected=f"at least {least}",
                hint="the proxy buffers 1 MiB and takes no smaller limit"
                if least > 1
                else "write a greater number",
            )


def _check_waf(report: Report, document: Node) -> None:
    blocks = document.all("waf")
    if not blocks:
        return
    mode = blocks[-1].child("mode")
    word = mode.string if mode is not None else None
    if word is None or word.lower() in ("detection", "detect", "prevention", "prevent", "block"):
        where = mode if mode is not None else blocks[-1]
        what = f"is {shown(word)}" if word is not None else "is not given, which means prevention"
        report.add(
            "E-NAT-014",
            where,
            f"the mode of waf {what}; the proxy has no such engine and refuses it",
            at=where.first.value_at if where is mode and where.first else None,
            expected='mode "off"',
            hint='write mode "off"; a WAF is an agent, and body-inspection decides what agents see',
        )
