"""`sentinelctl secret keygen`: a new sealing key."""

from __future__ import annotations

from pathlib import Path

import click

from reconciler.bundle.sealed import key_id
from reconciler.keys.uri import create_sealing_key


@click.command("keygen")
@click.option(
    "--environment", default="production", show_default=True, metavar="NAME", help="What it is for."
)
@click.option(
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    required=True,
    help="The new file for the private key (mode 0600). An existing one is never overwritten.",
)
def command(environment: str, out: Path) -> None:
    """Make a sealing key: write the private key into a new file, and print what to write where.

    Run it on the machine that serves the control plane: the private key need not travel, and never belongs into a
    repository.
    """
    public = create_sealing_key(out)
    click.echo(f"key id {key_id(public)}; the private key is in {out}")
    click.echo(f'in the environment "{environment}" of the repository:')
    click.echo(f'    sealing-key "{public.hex()}"')
    click.echo("in the project of control-plane.kdl, beside the line of a key that it replaces:")
    click.echo(f'    sealing-key "{environment}" "file:{out}"')
