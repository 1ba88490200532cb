"""`sentinelctl fmt`: write config files in canonical layout, comments included."""

from __future__ import annotations

from pathlib import Path

import click

from reconciler.cli.folder import config_files
from reconciler.cli.validate import print_findings
from reconciler.config.findings import Finding
from reconciler.config.format import format_text
from reconciler.config.kdl import parse_file
from reconciler.config.source import LANGUAGE


@click.command()
@click.argument("path", type=click.Path(path_type=Path, exists=True), default=".")
@click.option("--check", is_flag=True, help="Write nothing; exit code 1 when a file would change.")
def command(path: Path, check: bool) -> None:
    """Lay out the *.kdl files below PATH (the current folder when absent) canonically, keeping comments and order.

    A file with a syntax error is left alone and reported, with exit code 1.
    """
    changed = 0
    refused: list[Finding] = []
    files = [file for file in config_files(path) if file.path.endswith(LANGUAGE)]
    for file in files:
        before, findings = parse_file(file.content, file.path)
        if before is None:
            refused.extend(findings)
            continue
        text = format_text(before.text)
        if text.encode() == file.content:
            continue
        after, _ = parse_file(text, file.path)
        if after is None or after.nodes != before.nodes:
            raise click.ClickException(
                f"{file.path} would change its meaning; it is left as it is. Report this file"
            )
        changed += 1
        click.echo(f"{'would change' if check else 'changed'} {file.path}")
        if not check:
            (path if path.is_file() else path / file.path).write_text(text)
    print_findings(refused, {file.path: file.content for file in files})
    if refused or (check and changed):
        raise SystemExit(1)
