"""`sentinelctl import`: make a config repository of a running proxy's configuration."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import NoReturn

import click

from reconciler.cli.native_files import OTHER_LANGUAGES, Shown, find
from reconciler.compile.importing.original import Original, original
from reconciler.compile.importing.translation import BECOMES, Imported, Named, translate
from reconciler.compile.native.checking import PROXY, check_document
from reconciler.compile.native.including import Found, expand
from reconciler.compile.native.nodes import Node
from reconciler.config.characters import shown
from reconciler.config.excerpt import excerpt
from reconciler.config.findings import Finding, has_errors, sort_findings
from reconciler.config.report import Problem
from reconciler.config.values import resource_name

LONGEST_NAME = 39


@click.command()
@click.argument(
    "files",
    metavar="FILE...",
    nargs=-1,
    required=True,
    type=click.Path(path_type=Path, exists=True, dir_okay=False, readable=True),
)
@click.option(
    "--out",
    required=True,
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder for the repository; it has to be new or empty.",
)
@click.option(
    "--environment", metavar="NAME", default="production", show_default=True, help="Its environment."
)
@click.option("--project", metavar="NAME", help="Its project; called like the folder when left out.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object in place of the report.")
def command(files: tuple[Path, ...], out: Path, environment: str, project: str | None, as_json: bool) -> None:
    """Make a config repository that compiles to what does the same as FILE, a configuration of the proxy.

    Files that it includes are followed; several FILEs are one configuration, in their order. What the language can say
    becomes listeners, upstreams, middlewares and services. What it cannot say stays in the proxy's own language, as a
    proxy resource. The repository is compiled and compared with FILE before anything is written; left out of the
    comparison is what the control plane reserves for itself: its listener and namespace, its marker, where metrics are
    served, and auto-reload.

    Exit code 1 when the proxy would refuse FILE, with the findings of check-proxy-config, and when it holds something
    that no repository can have.
    """
    for file in files:
        if file.suffix in OTHER_LANGUAGES:
            raise click.UsageError(
                f"{file} is not KDL: the proxy's {file.suffix} language cannot be imported"
            )
    names = Named(
        _name("--project", project or _project(out)), _name("--environment", environment), _source(files)
    )
    if out.exists() and any(out.iterdir()):
        raise click.ClickException(
            f"{out} is not empty, and nothing in it is overwritten: name a folder that is new or empty"
        )
    read = Shown()
    configuration = _read(files, read)
    result = translate(configuration, names)
    if not isinstance(result, Imported):
        _refuse(result, read, "no repository can say this; change it where it runs, then import again")
    out.mkdir(parents=True, exist_ok=True)
    for path, text in sorted(result.files.items()):
        # A file that has appeared meanwhile is somebody's work.
        with open(out / path, "x", encoding="utf-8") as target:
            target.write(text)
    if as_json:
        click.echo(json.dumps(_as_json(result, out), indent=2))
    else:
        _report(result, out)


def _source(files: tuple[Path, ...]) -> str:
    return ", ".join(file.name for file in files)


def _project(out: Path) -> str:
    stem = re.sub(r"[^a-z0-9]+", "-", out.resolve().name.lower()).strip("-")[:LONGEST_NAME].strip("-")
    return stem if stem[:1].isalpha() and not stem.startswith("sentinel") else "imported"


def _name(option: str, name: str) -> str:
    found = resource_name(LONGEST_NAME).read(name)
    if isinstance(found, Problem):
        raise click.UsageError(f"{option} {shown(name)}: expected {found.expected}")
    return name


def _read(files: tuple[Path, ...], read: Shown) -> Original:
    nodes: list[Node] = []
    findings: list[Finding] = []
    for file in files:
        path = str(file)
        content = read.read(path, path)
        if content is None:
            raise click.UsageError(f"cannot read {path}")
        expanded, found = expand(
            Found(os.path.realpath(path), path, content),
            lambda within, pattern: find(within, pattern, None, read),
        )
        findings.extend(found)
        nodes.extend(expanded or ())
    if not has_errors(findings):
        findings.extend(check_document(tuple(nodes), str(files[0])).findings)
    if has_errors(findings):
        errors = tuple(finding for finding in sort_findings(findings) if finding.is_error)
        _refuse(errors, read, f"proxy {PROXY} refuses this configuration")
    return original(tuple(nodes), sort_findings(findings))


def _refuse(findings: tuple[Finding, ...], read: Shown, why: str) -> NoReturn:
    for finding in findings:
        content = read.contents.get(finding.place.path) if finding.place else None
        click.echo(excerpt(finding, content) + "\n", err=True)
    click.echo(f"nothing was written: {why}", err=True)
    raise SystemExit(1)


def _as_json(result: Imported, out: Path) -> dict[str, object]:
    return {
        "out": str(out),
        "files": sorted(result.files),
        "parts": [
            {
                "kind": part.kind,
                "name": part.name,
                "became": BECOMES[part.kind] if part.data is not None else "proxy",
                "reason": part.reason,
                "path": part.place.path,
                "line": part.place.line,
            }
            for part in result.parts
        ],
        "settings": list(result.settings),
        "left_out": [finding.to_json() for finding in result.left_out],
        "accepted": list(result.accepted),
    }


def _report(result: Imported, out: Path) -> None:
    for path in sorted(result.files):
        click.echo(f"wrote {out / path}")
    said = [part for part in result.parts if part.data is not None]
    native = [part for part in result.parts if part.data is None]
    if said:
        click.echo("\ntranslated:")
    for part in said:
        click.echo(f"  {part.kind} {shown(part.name)} → {BECOMES[part.kind]}")
    if native or result.settings:
        click.echo("\nin the proxy's own language, as it was:")
    for part in native:
        click.echo(f"  {part.kind} {shown(part.name)}: {part.reason}")
    for name in result.settings:
        click.echo(f"  {name}: what is set there has no field in the language")
    if result.left_out:
        click.echo("\nleft out, because the proxy never uses it:")
    for finding in result.left_out:
        click.echo(f"  {finding.place}: {finding.message}")
    if result.accepted:
        click.echo(f"\naccepted as it was, although it does nothing: {', '.join(result.accepted)}")
    click.echo(f"\n{len(said)} of {len(result.parts)} parts translated; it compiles to what does the same")
