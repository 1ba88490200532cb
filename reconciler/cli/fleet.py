"""`sentinelctl fleet`: run simulated nodes."""

from __future__ import annotations

import os
from pathlib import Path

import click

from reconciler.settings import read_settings
from reconciler.simulator.__main__ import run
from reconciler.simulator.temperament import TEMPERAMENTS


@click.group()
def command() -> None:
    """Run simulated nodes."""


@command.command()
@click.option("--project", required=True, help="Project to register in.")
@click.option(
    "--nodes",
    "spec",
    required=True,
    help=f"Such as dev=3,production=40:slow. Temperaments: {', '.join(TEMPERAMENTS)}.",
)
@click.option("--url", help="URL of the node API; default: NODES_PUBLIC_URL.")
@click.option(
    "--home",
    type=click.Path(path_type=Path, file_okay=False),
    help="Default: simulated-nodes in SENTINEL_HOME.",
)
@click.option(
    "--join-token-file",
    type=click.Path(path_type=Path, dir_okay=False, exists=True),
    help="A join token. Default: SENTINEL_JOIN_TOKEN. Nodes that are registered already need none.",
)
def up(project: str, spec: str, url: str | None, home: Path | None, join_token_file: Path | None) -> None:
    """Run simulated nodes until Ctrl-C. The same home resumes the same nodes."""
    settings = read_settings(os.environ)
    token = join_token_file.read_text().strip() if join_token_file else os.environ.get("SENTINEL_JOIN_TOKEN")
    run(
        spec=spec,
        home=home or settings.home / "simulated-nodes",
        url=url or settings.nodes_public_url,
        project=project,
        token_of=lambda environment: token,
        say=click.echo,
    )
