"""`sentinelctl fleet`: run simulated nodes."""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
import time
from pathlib import Path

import click

from reconciler.config.durations import milliseconds
from reconciler.settings import read_settings
from reconciler.simulator.building import Group, build_fleet, read_spec
from reconciler.simulator.filelimit import raise_file_limit
from reconciler.simulator.fleet import THREADS, Event
from reconciler.simulator.showing import Progress, lines, report
from reconciler.simulator.staging import events_of, groups_of
from reconciler.simulator.temperament import TEMPERAMENTS
from reconciler.simulator.virtual.scenario_files import read_scenario

TALKATIVE = 50
"""Of so many nodes the log of each is shown."""


@click.group()
def command() -> None:
    """Run simulated nodes."""


@command.command()
@click.option("--project", required=True, help="Project to register in.")
@click.option(
    "--nodes",
    "spec",
    metavar="N|SPEC",
    help="How many nodes a scenario has, or without one such as dev=3,production=40:slow. "
    f"Temperaments: {', '.join(TEMPERAMENTS)}.",
)
@click.option(
    "--scenario",
    "file",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="Nodes and what befalls them, as docs/simulation.md says; docs/scenarios/ has some.",
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
@click.option("--for", "lasts", metavar="DURATION", help="Default: as long as the scenario, or until Ctrl-C.")
@click.option("--wait", type=click.IntRange(0, 30), default=0, help="Seconds that polls may be parked.")
@click.option(
    "--threads", type=click.IntRange(1, 256), default=THREADS, show_default=True, help="Requests at once."
)
@click.option("--json", "as_json", is_flag=True, help="Print the report as one JSON object.")
def up(
    project: str,
    spec: str | None,
    file: Path | None,
    url: str | None,
    home: Path | None,
    join_token_file: Path | None,
    lasts: str | None,
    wait: int,
    threads: int,
    as_json: bool,
) -> None:
    """Run simulated nodes: real agents over real HTTP around proxies that are made up.

    They run until Ctrl-C, or as long as a scenario lasts, and then report how many requests they made, how those were
    answered, and how fast each bundle spread. The same home resumes the same nodes. Exit code 1 when a node ended.
    """
    settings = read_settings(os.environ)
    token = join_token_file.read_text().strip() if join_token_file else os.environ.get("SENTINEL_JOIN_TOKEN")
    groups, events, left_out, seconds = _played(spec, file)
    if lasts is not None:
        seconds = _seconds(lasts)

    def write(text: str) -> None:
        click.echo(text, nl=False, err=as_json)

    before, limit = raise_file_limit()
    told: list[Progress] = []
    fleet = build_fleet(
        groups,
        home=home or settings.home / "simulated-nodes",
        url=url or settings.nodes_public_url,
        project=project,
        token_of=lambda environment: token,
        say=lambda line: told[0].say(line) if told else write(f"{line}\n"),
        wait=wait,
        threads=threads,
        events=events,
        quiet=sum(group.count for group in groups) > TALKATIVE,
    )
    progress = Progress(fleet, write, live=sys.stdout.isatty() and not as_json)
    told.append(progress)
    progress.say(f"{len(fleet.nodes)} nodes; open files: at most {limit} (it was {before})")
    if left_out:
        progress.say(f"left to whoever runs the control plane: {', '.join(left_out)}")
    _run(progress, seconds)
    found = report(fleet, time.monotonic() - progress.began)
    click.echo(json.dumps(found, indent=2) if as_json else "\n".join(lines(found)))
    if any(node.failure for node in fleet.nodes):
        raise SystemExit(1)


def _run(progress: Progress, seconds: float | None) -> None:
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())

    def tick() -> None:
        progress.tick()
        if seconds is not None and time.monotonic() - progress.began >= seconds:
            stop.set()

    progress.fleet.run(stop, tick)


def _played(
    spec: str | None, file: Path | None
) -> tuple[tuple[Group, ...], tuple[Event, ...], tuple[str, ...], float | None]:
    if file is None:
        if spec is None:
            raise click.UsageError("Say --nodes or --scenario.")
        return read_spec(spec), (), (), None
    if spec is not None and not spec.isdecimal():
        raise click.UsageError("With --scenario, --nodes is the number of all nodes.")
    scenario = read_scenario(file.read_text(), file.name)
    events, left_out = events_of(scenario)
    nodes = int(spec) if spec is not None else None
    return groups_of(scenario, nodes), events, left_out, scenario.lasts / 1000


def _seconds(text: str) -> float:
    try:
        return milliseconds(text) / 1000
    except ValueError as error:
        raise click.UsageError(f"--for: {error}") from None
