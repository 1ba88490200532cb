"""`sentinelctl check-proxy-config`: check files in the real proxy's own language."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import click

from reconciler.cli.native_files import OTHER_LANGUAGES, Shown, find
from reconciler.compile.native.checking import PROXY, DiskNeed, check_document
from reconciler.compile.native.including import Found, expand
from reconciler.config.excerpt import excerpt
from reconciler.config.findings import Finding, Place, Severity, has_errors, sort_findings


@dataclass(frozen=True, slots=True)
class _Result:
    path: str
    findings: tuple[Finding, ...]
    left_out: int

    @property
    def accepted(self) -> bool:
        return not has_errors(self.findings)


@click.command()
@click.argument(
    "files",
    metavar="FILE...",
    nargs=-1,
    required=True,
    type=click.Path(path_type=Path, exists=True, dir_okay=False, readable=True),
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object with all findings.")
@click.option(
    "--root",
    metavar="DIR",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    help="Look up paths that must exist below DIR, and refuse a file when they do not.",
)
def command(files: tuple[Path, ...], as_json: bool, root: Path | None) -> None:
    """Check each FILE as a whole configuration of the proxy, with the files that it includes.

    Exit code 1 when the proxy would refuse one of them, 0 when it would load them all; what it would ignore or mangle
    is a warning. Static roots and the folders of agents' sockets are looked for on this machine, which gives warnings;
    with --root they are looked for below DIR, and one that is missing is a refusal.
    """
    for file in files:
        if file.suffix in OTHER_LANGUAGES:
            raise click.UsageError(
                f"{file} is not KDL: the proxy's {file.suffix} language is not supported here"
            )
    shown = Shown()
    results = [_check(file, root, shown) for file in files]
    if as_json:
        click.echo(json.dumps({"files": [_as_json(result) for result in results]}, indent=2))
    else:
        for result in results:
            _print(result, shown)
    if not all(result.accepted for result in results):
        raise SystemExit(1)


def _check(file: Path, root: Path | None, shown: Shown) -> _Result:
    path = str(file)
    if file.suffix not in (".kdl", ""):
        message = f"the proxy does not read files that end in '{file.suffix}'"
        finding = Finding(
            "E-NAT-021", Severity.error, Place(path, 1, 1), message, "a file that ends in .kdl", "rename it"
        )
        return _Result(path, (finding,), 0)
    content = shown.read(path, path)
    if content is None:
        raise click.UsageError(f"cannot read {path}")
    nodes, findings = expand(
        Found(os.path.realpath(path), path, content),
        lambda within, pattern: find(within, pattern, root, shown),
    )
    if nodes is None:
        return _Result(path, sort_findings(findings), 0)
    checked = check_document(nodes, path)
    needs = (finding for need in checked.needs for finding in _look(need, root))
    return _Result(path, sort_findings((*findings, *checked.findings, *needs)), checked.left_out)


def _look(need: DiskNeed, root: Path | None) -> Iterator[Finding]:
    path = Path(need.directory) if root is None else root / need.directory.lstrip("/")
    if path.is_dir():
        return
    state = "is not a directory" if path.exists() else "does not exist"
    message = f"{need.what}, {need.directory}, {state}"
    hint = "create it before the proxy tests the configuration"
    if root is None:
        message += " on this machine; the proxy refuses the configuration where it does not"
        yield Finding("W-NAT-014", Severity.warning, need.place, message, "a directory", hint)
    else:
        yield Finding("E-NAT-020", Severity.error, need.place, f"{message} below {root}", "a directory", hint)


def _as_json(result: _Result) -> dict[str, object]:
    return {
        "path": result.path,
        "accepted": result.accepted,
        "findings": [finding.to_json() for finding in result.findings],
    }


def _print(result: _Result, shown: Shown) -> None:
    for finding in result.findings:
        content = shown.contents.get(finding.place.path) if finding.place else None
        click.echo(excerpt(finding, content) + "\n")
    if result.left_out:
        click.echo(f"{result.path}: {result.left_out} more findings are left out\n")
    errors = sum(finding.is_error for finding in result.findings)
    warnings = len(result.findings) - errors
    verdict = f"proxy {PROXY} loads it" if result.accepted else f"proxy {PROXY} refuses it"
    click.echo(f"{result.path}: {verdict} ({errors} errors, {warnings} warnings)")
