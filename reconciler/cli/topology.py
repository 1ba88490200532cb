"""`sentinelctl topology`: what leads where in an environment."""

from __future__ import annotations

import json
from pathlib import Path

import click

from reconciler.cli.folder import read_folder
from reconciler.cli.validate import counted, print_findings
from reconciler.compile.topology.drawing import dot, svg
from reconciler.compile.topology.graph import topology
from reconciler.config.characters import shown


@click.command()
@click.argument("path", type=click.Path(path_type=Path, exists=True), default=".")
@click.option(
    "--environment", metavar="NAME", help="Which environment; the last of the promotion order when absent."
)
@click.option(
    "--format",
    "form",
    type=click.Choice(("json", "dot", "svg")),
    default="json",
    show_default=True,
    help="JSON, the language of Graphviz, or a drawing.",
)
def command(path: Path, environment: str | None, form: str) -> None:
    """Print services, what their requests pass through, upstreams and targets of one environment, and what leads where.

    Exit code 1 when the repository has an error; nothing is printed then but its findings.
    """
    snapshot, findings, contents = read_folder(path)
    if snapshot is None:
        print_findings(findings, contents, err=True)
        click.echo(counted(findings), err=True)
        raise SystemExit(1)
    name = environment or snapshot.environments[-1]
    if name not in snapshot.environments:
        known = ", ".join(snapshot.environments)
        raise click.UsageError(f"There is no environment {shown(name)}. There are: {known}")
    graph = topology(snapshot.rendering(name))
    if form == "json":
        click.echo(json.dumps(graph.to_json(), indent=2))
    else:
        click.echo(dot(graph) if form == "dot" else svg(graph), nl=False)
