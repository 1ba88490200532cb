"""`sentinelctl secret set`: seal a value for environments."""

from __future__ import annotations

from pathlib import Path

import click

from reconciler import clock
from reconciler.cli.secret_verbs.options import clone_options, take_value, value_options, with_options
from reconciler.cli.secret_verbs.standing import add_secret, public_key, seal_into
from reconciler.cli.working_clone import WorkingClone
from reconciler.config.report import Problem
from reconciler.config.values import resource_name


@click.command("set")
@click.argument("name")
@with_options(*value_options)
@click.option("--description", metavar="TEXT", help="What a new secret opens and who can renew it.")
@with_options(*clone_options)
def command(
    name: str,
    environments: tuple[str, ...],
    from_file: Path | None,
    generate: int | None,
    out: Path | None,
    version: int | None,
    description: str | None,
    path: Path,
    no_commit: bool,
) -> None:
    """Seal a value of the secret NAME for one or several environments, and commit it.

    The secret is added when it is not there; a value that stands there is replaced by a new version. The value comes
    from standard input or a file, never from the command line, where others on the machine could read it.
    """
    told = resource_name().read(name)
    if isinstance(told, Problem):
        raise click.UsageError(f"{told.message}; expected {told.expected}.")
    clone = WorkingClone(path)
    for environment in environments:
        public_key(clone, environment)
    if not clone.has("secret", name):
        add_secret(clone, name, description)
    store(clone, name, environments, take_value(from_file, generate, out), version, "Set", no_commit)


def store(
    clone: WorkingClone,
    name: str,
    environments: tuple[str, ...],
    value: bytes,
    version: int | None,
    verb: str,
    no_commit: bool,
) -> None:
    """Seal `value` for each of the environments, save, and say what was done."""
    today = clock.now().date()
    found = {e: seal_into(clone, name, e, value, version=version, today=today) for e in environments}
    told = ", ".join(f"{environment} (v{number})" for environment, number in found.items())
    done = clone.save(f"{verb} the secret {name} for {told}", commit=not no_commit)
    click.echo(f"sealed {name} for {told}; {done}")
