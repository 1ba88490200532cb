"""Texts of configuration compiled for the tests: whole documents, single nodes of them, and findings."""

from __future__ import annotations

import textwrap

from reconciler.compile.compiler import Compilation, compile_snapshot
from reconciler.compile.native.checking import check_native
from reconciler.config.findings import Finding
from reconciler.config.kdl import KdlNode, parse_kdl
from reconciler.config.write import write_document
from tests.unit.config.trees import brief, read, sound

UPSTREAMS = """\
upstream "orders" {
    target "10.0.0.1:80"
}
upstream "next" {
    target "10.0.0.2:80"
    target "10.0.0.3:80"
}
"""

TOLD = "W-NAT-016"
"""The only warning of the checker that output may give: a feature that the support table calls ineffective."""


def compiled(*texts: str) -> Compilation:
    """The compilation of sound texts, beside the upstreams `orders` and `next`."""
    compilation, findings = compile_snapshot(sound(UPSTREAMS, *texts))
    assert compilation is not None, "\n".join(map(str, findings))
    return compilation


def config(*texts: str, environment: int = 0, told: int = 0) -> str:
    """The proxy's configuration in the first environment (dev), which has to pass the checker.

    `told` is the number of warnings that it may give, all about features that have no effect.
    """
    text = compiled(*texts).environments[environment].config
    findings = check_native(text)
    assert [finding.code for finding in findings] == [TOLD] * told, "\n".join(map(str, findings))
    return text.decode()


def nodes(text: str, section: str) -> dict[str, KdlNode]:
    """The nodes of a section by their ids; the section itself when it has none."""
    document, findings = parse_kdl(text, "sentinel.kdl")
    assert document is not None, findings
    found = next((node for node in document if node.name == section), None)
    if found is None:
        return {}
    return {str(node.arguments[0]): node for node in found.children if node.arguments}


def written(text: str, section: str, identity: str) -> str:
    """One node of a section as it stands in the configuration."""
    return write_document([nodes(text, section)[identity]])


def top(text: str, name: str) -> str:
    """The top-level node of that name as it stands, or nothing."""
    document, _ = parse_kdl(text, "sentinel.kdl")
    assert document is not None
    return write_document([node for node in document if node.name == name])


def kdl(text: str) -> str:
    """A golden text: without the indentation that it has in the test."""
    return textwrap.dedent(text).lstrip("\n")


def objected(*texts: str) -> tuple[Finding, ...]:
    """The findings about texts beside the upstreams, from reading or from compiling."""
    snapshot, findings = read(UPSTREAMS, *texts)
    return compile_snapshot(snapshot)[1] if snapshot is not None else findings


def told(*texts: str) -> list[str]:
    """Code and place of each finding about the texts."""
    findings = objected(*texts)
    assert all(finding.hint for finding in findings)
    return brief(findings)
