"""`sentinelctl rebuild`: bring back what git and the object store know."""

from __future__ import annotations

import json
import os

import click

from reconciler.db.migrate import migrate
from reconciler.db.session import connect
from reconciler.flows.context import load_installation, open_context
from reconciler.flows.rebuild.steps import rebuild
from reconciler.settings import read_settings


@click.command()
@click.option("--project", metavar="SLUG", help="Only this one. Default: all of control-plane.kdl.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def command(project: str | None, as_json: bool) -> None:
    """Bring back into the database what git and the object store know: registrations of nodes, commits, bundles,
    numbers of the audit log. Workers do the rest, which takes keys: they are asked for it.

    It needs no key and no backup, adds what is missing and changes nothing else; run it again if it was interrupted.
    People, API keys and join tokens come from a backup alone (`sentinelctl restore`, before this).
    """
    settings = read_settings(os.environ)
    migrate(settings)
    connect(settings)
    installation = load_installation(settings)
    done = []
    for found in (p for o in installation.organizations for p in o.projects if project in (None, p.slug)):
        context = open_context(settings, installation, found.organization, found.slug, os.environ)
        for step in rebuild(context, lambda words: click.echo(words, err=True)):
            done.append(step)
            if not as_json:
                click.echo(f"{step.project} {step.what}: {step.words}")
    if as_json:
        items = [{"project": step.project, "step": step.what, "message": step.words} for step in done]
        click.echo(json.dumps({"steps": items}, indent=2))
    else:
        click.echo("Start the control plane: its workers follow the branches from here.")
