"""The checker: a document of the real proxy in, findings and the paths that have to exist out."""

from __future__ import annotations

from dataclasses import dataclass

from reconciler.compile.native.checks import CHECKS
from reconciler.compile.native.grammar.document import DOCUMENT
from reconciler.compile.native.nodes import Node, Text
from reconciler.compile.native.reading import read_document
from reconciler.compile.native.references import check_references
from reconciler.compile.native.report import Report
from reconciler.compile.native.scopes import Configuration, read_configuration
from reconciler.compile.native.walking import Walk
from reconciler.compile.native.whole import check_whole
from reconciler.config.findings import Finding, Place, sort_findings

PROXY = "0.6.20"
"""The release of the proxy whose grammar this is."""


@dataclass(frozen=True, slots=True)
class DiskNeed:
    """A path that has to be there when the proxy tests or loads the configuration.

    `directory` is the path itself for a static root, and the parent for an agent's socket.
    """

    directory: str
    what: str
    place: Place


@dataclass(frozen=True, slots=True)
class Checked:
    """What is known of a configuration without looking at any disk."""

    findings: tuple[Finding, ...]
    needs: tuple[DiskNeed, ...]
    left_out: int


def check_native(content: bytes, path: str = "sentinel.kdl") -> tuple[Finding, ...]:
    """All findings of one file of the proxy's own language: errors (E-NAT) refuse it, warnings (W-NAT) do not.

    Files that it includes are not known here; an `include` is a warning. Paths on disk are not looked at.
    """
    nodes, findings = read_document(content, path)
    if nodes is None:
        return sort_findings(findings)
    return sort_findings((*findings, *check_document(nodes, path).findings))


def check_document(nodes: tuple[Node, ...], path: str) -> Checked:
    """The same for nodes that are read already, perhaps from several files. `path` names the main file."""
    document = Node(Text(path, ""), "document", 0, False, (), nodes)
    report = Report()
    Walk(report, CHECKS).block(document, DOCUMENT)
    configuration = read_configuration(document)
    check_whole(report, document, configuration)
    check_references(report, configuration)
    for include in document.all("include"):
        report.add(
            "W-NAT-015",
            include,
            "what this includes is not known and not checked",
            hint="check the file with sentinelctl check-proxy-config, which follows includes",
        )
    return Checked(sort_findings(report.findings), tuple(_needs(configuration)), report.left_out)


def _needs(configuration: Configuration) -> list[DiskNeed]:
    found: list[DiskNeed] = []
    for route in configuration.root.of("routes"):
        static = route.child("static-files")
        root = static.child("root") if static else None
        if root is not None and root.string is not None and root.first is not None:
            place = root.text.place(root.first.value_at)
            found.append(DiskNeed(root.string, "the root of static files", place))
    for agent in configuration.root.of("agents"):
        transports = [node for node in agent.nodes if node.name in ("unix-socket", "grpc", "http")]
        if not transports or transports[-1].name != "unix-socket":
            continue
        socket = transports[-1]
        path = socket.string_of("path") or socket.string
        if path is not None:
            parent = path.rstrip("/").rpartition("/")[0] or ("/" if path.startswith("/") else ".")
            found.append(DiskNeed(parent, "the directory of an agent's socket", socket.place()))
    return found
