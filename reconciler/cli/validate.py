"""`sentinelctl validate`: check a config repository, or a server configuration."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path

import click

from reconciler.cli.folder import config_files
from reconciler.compile.compiler import Compilation, compile_snapshot
from reconciler.config.excerpt import excerpt
from reconciler.config.findings import Finding, Severity, has_errors, sort_findings
from reconciler.config.installation import read_installation
from reconciler.config.snapshot import read_snapshot
from reconciler.config.source import SourceFile

SERVER_CONFIGURATION = "control-plane.kdl"


@click.command()
@click.argument("path", type=click.Path(path_type=Path, exists=True), default=".")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object with all findings.")
def command(path: Path, as_json: bool) -> None:
    """Check the *.kdl files below PATH (the current folder when absent) and print their findings.

    A file of the name control-plane.kdl is checked as a server configuration. Exit code 1 when there is an error.
    """
    files = config_files(path)
    if path.is_file() and path.name == SERVER_CONFIGURATION:
        _, findings = read_installation(files[0].content, files[0].path)
        summary = "the server configuration is sound"
    else:
        compilation, findings = check(files)
        names = ", ".join(e.name for e in compilation.environments) if compilation else ""
        summary = f"{len(files)} files are sound; they compile for {names}"
    ok = not has_errors(findings)
    if as_json:
        click.echo(json.dumps({"ok": ok, "findings": [finding.to_json() for finding in findings]}, indent=2))
    else:
        print_findings(findings, {file.path: file.content for file in files})
        click.echo(summary if ok else counted(findings))
    if not ok:
        raise SystemExit(1)


def check(files: Iterable[SourceFile]) -> tuple[Compilation | None, tuple[Finding, ...]]:
    """Read and compile: what a worker would say of these files."""
    snapshot, findings = read_snapshot(files)
    if snapshot is None:
        return None, findings
    compilation, more = compile_snapshot(snapshot)
    return compilation, sort_findings((*findings, *more))


def print_findings(findings: Iterable[Finding], contents: Mapping[str, bytes]) -> None:
    """Each finding with its line and a caret, and an empty line behind it."""
    for finding in findings:
        content = contents.get(finding.place.path) if finding.place else None
        click.echo(excerpt(finding, content) + "\n")


def counted(findings: Iterable[Finding]) -> str:
    """A sentence such as "2 errors, 1 warning"."""
    listed = list(findings)
    parts = []
    for severity in Severity:
        number = sum(finding.severity is severity for finding in listed)
        if number:
            parts.append(f"{number} {severity}{'s' if number > 1 and severity is not Severity.info else ''}")
    return ", ".join(parts)
