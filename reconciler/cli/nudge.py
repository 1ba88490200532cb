"""`sentinelctl nudge`: have a project looked at now."""

from __future__ import annotations

import os

import click

from reconciler import clock
from reconciler.db.models import Environment
from reconciler.db.owed import ask
from reconciler.db.session import connect, reading, writing
from reconciler.flows.context import load_installation
from reconciler.settings import read_settings


@click.command()
@click.argument("project")
@click.argument("environment", required=False)
def command(project: str, environment: str | None) -> None:
    """Have the trunk of PROJECT, or one ENVIRONMENT of it, looked at now instead of at the next sweep.

    Use it after curing what stalled an environment. It only says that work is owed; a worker does it.
    """
    settings = read_settings(os.environ)
    found = load_installation(settings).project(project)
    if found is None:
        raise click.ClickException(f"the server configuration has no project '{project}'")
    connect(settings)
    if environment is not None:
        with reading():
            known = [
                row.name
                for row in Environment.select()
                .where(Environment.organization == found.organization, Environment.project == project)
                .order_by(Environment.position)
            ]
        if environment not in known:
            raise click.ClickException(
                f"project '{project}' has no environment '{environment}'; it has: {', '.join(known) or 'none yet'}"
            )
    kind = "trunk" if environment is None else "environment"
    with writing():
        ask(found.organization, project, kind, environment or "", now=clock.now())
    click.echo(f"{environment or 'trunk'} of {project} will be looked at within seconds.")
