"""`sentinelctl secret rotate`: a new value for a secret that has one."""

from __future__ import annotations

from pathlib import Path

import click

from reconciler.cli.secret_verbs.options import clone_options, take_value, value_options, with_options
from reconciler.cli.secret_verbs.setting import store
from reconciler.cli.secret_verbs.standing import version_of
from reconciler.cli.working_clone import WorkingClone
from reconciler.errors import Stalled


@click.command("rotate")
@click.argument("name")
@with_options(*value_options, *clone_options)
def command(
    name: str,
    environments: tuple[str, ...],
    from_file: Path | None,
    generate: int | None,
    out: Path | None,
    version: int | None,
    path: Path,
    no_commit: bool,
) -> None:
    """Seal a new value of the secret NAME, which has one in each of the environments already, and commit it.

    Bundles that were made before keep the old version, so a rollback finds it. Nodes take the new one with the bundle
    of this commit.
    """
    clone = WorkingClone(path)
    clone.resource("secret", name)
    for environment in environments:
        if not version_of(clone, name, environment):
            raise Stalled(
                "E-SEC-011",
                f"the secret '{name}' has no value for {environment}",
                cure=f"Run `sentinelctl secret set {name} --environment {environment}`",
            )
    store(clone, name, environments, take_value(from_file, generate, out), version, "Rotate", no_commit)
