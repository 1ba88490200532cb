"""Imports for the tests: a configuration in, the repository and what it compiles to out."""

from __future__ import annotations

from reconciler.compile.compiler import CompiledEnvironment, compile_snapshot
from reconciler.compile.diff.changes import Change
from reconciler.compile.diff.compare import compare_models
from reconciler.compile.diff.model import read_model
from reconciler.compile.importing.original import Original, original
from reconciler.compile.importing.translation import Imported, Named, translate
from reconciler.compile.native.checking import check_document
from reconciler.compile.native.reading import read_document
from reconciler.config.findings import Finding
from reconciler.config.snapshot import read_snapshot
from reconciler.config.source import SourceFile

OURS = {
    "added listener listener sentinel-control",
    "added route route sentinel-control:sentinel-control-config",
    "added route route sentinel-control:sentinel-control-health",
    "added route route sentinel-control:sentinel-control-metrics",
}
"""What the control plane adds to every configuration."""


def accepted(text: str) -> Original | None:
    """The configuration, or None when the proxy refuses it."""
    nodes, findings = read_document(text.encode(), "edge.kdl")
    if nodes is None:
        return None
    findings = (*findings, *check_document(nodes, "edge.kdl").findings)
    return None if any(finding.is_error for finding in findings) else original(nodes, findings)


def translated(text: str) -> Imported | tuple[Finding, ...]:
    """What an import of a configuration gives, which the proxy has to accept."""
    configuration = accepted(text)
    assert configuration is not None
    return translate(configuration, Named("edge", "production", "edge.kdl"))


def imported(text: str) -> Imported:
    """The same for a configuration that a repository can have, held against the original."""
    result = translated(text)
    assert isinstance(result, Imported), "\n".join(map(str, result))
    assert strange(text, compiled(result)) == []
    return result


def compiled(result: Imported) -> CompiledEnvironment:
    """What the repository compiles to."""
    files = [SourceFile(path, content.encode()) for path, content in result.files.items()]
    snapshot, findings = read_snapshot(files)
    assert snapshot is not None, "\n".join(map(str, findings))
    compilation, findings = compile_snapshot(snapshot)
    assert compilation is not None, "\n".join(map(str, findings))
    (environment,) = compilation.environments
    return environment


def strange(text: str, environment: CompiledEnvironment) -> list[str]:
    """What the two do differently, but for what is the control plane's own; said without the importer's comparison."""
    before, _ = read_model(text.encode(), "edge.kdl")
    after, _ = read_model(environment.config, "sentinel.kdl")
    assert before is not None
    assert after is not None
    changes = compare_models(before, after)
    return [said for change in changes if (said := _said(change)) not in OURS and not _is_ours(change)]


def _said(change: Change) -> str:
    return f"{change.action} {change.area} {change.kind} {change.name}"


def _is_ours(change: Change) -> bool:
    paths = {field.path for field in change.fields}
    if (change.kind, change.name) == ("setting", "observability"):
        return all(path.startswith("metrics.") for path in paths)
    return (change.kind, change.name, paths) == ("setting", "system", {"auto-reload"})


def became(result: Imported) -> dict[str, str]:
    """Kind and name of each part, and "said" or why it stays native."""
    return {f"{p.kind} {p.name}": "said" if p.data is not None else p.reason for p in result.parts}
