"""`python -m reconciler.simulator`: run a simulated fleet until told to stop."""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import click

from reconciler.errors import ReconcilerError
from reconciler.simulator.building import build_fleet, read_spec


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--home", required=True, type=click.Path(path_type=Path, file_okay=False), help="Folder of the nodes."
)
@click.option("--url", required=True, help="URL of the node API.")
@click.option("--project", required=True, help="Project to register in.")
@click.option("--spec", required=True, help="Such as dev=3,staging=3,production=4 or dev=1:slow.")
@click.option(
    "--join-tokens",
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder with one file for each environment that holds a join token.",
)
@click.option(
    "--join-token-file", type=click.Path(path_type=Path, dir_okay=False), help="One token for all nodes."
)
@click.option("--quiet", is_flag=True, help="Print nothing but mistakes.")
def simulate(
    home: Path,
    url: str,
    project: str,
    spec: str,
    join_tokens: Path | None,
    join_token_file: Path | None,
    quiet: bool,
) -> None:
    """Run simulated nodes against a node API. Nodes that are registered already are resumed."""

    def token_of(environment: str) -> str | None:
        path = join_token_file or (join_tokens / environment if join_tokens is not None else None)
        try:
            return path.read_text().strip() if path is not None else None
        except FileNotFoundError:
            return None

    def say(line: str) -> None:
        if not quiet:
            click.echo(line)

    run(spec=spec, home=home, url=url, project=project, token_of=token_of, say=say)


def run(
    *,
    spec: str,
    home: Path,
    url: str,
    project: str,
    token_of: Callable[[str], str | None],
    say: Callable[[str], None],
) -> None:
    """Build the fleet and run it until SIGTERM or SIGINT."""
    fleet = build_fleet(read_spec(spec), home=home, url=url, project=project, token_of=token_of, say=say)
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    fleet.run(stop)


def main() -> None:
    """Run with the arguments of this process."""
    try:
        simulate.main(prog_name="python -m reconciler.simulator", standalone_mode=True)
    except ReconcilerError as error:
        click.echo(f"simulator: {error}", err=True)
        sys.exit(1)


if __name__ == "__main__":
    main()
