"""`sentinelctl simulate`: what the release engine would do, on a fleet in virtual time."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import click

from reconciler import clock
from reconciler.cli.folder import read_folder
from reconciler.cli.moment import Moment
from reconciler.cli.validate import counted, print_findings
from reconciler.config.durations import canonical, milliseconds
from reconciler.config.policy import EnvironmentPolicy
from reconciler.config.writing import write_resources
from reconciler.release.paths import short
from reconciler.release.planning import slots_of
from reconciler.simulator.virtual.environment import CHANGED_BY_HAND, Commit
from reconciler.simulator.virtual.generate import generate
from reconciler.simulator.virtual.invariants import Broken
from reconciler.simulator.virtual.scenario import Group, Happening, Scenario
from reconciler.simulator.virtual.scenario_files import read_scenario, write_scenario
from reconciler.simulator.virtual.world import World

KINDS = ("project", "environment", "freeze-window", "node-group", "slo")
"""What of a repository releases depend on."""

NODES = 10
FOR = "1h"


@click.command()
@click.argument("path", type=click.Path(path_type=Path, exists=True), default=".")
@click.option(
    "--scenario",
    "file",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="Play this file instead of a repository; docs/simulation.md has its form.",
)
@click.option("--seed", type=click.IntRange(0), help="Play the scenario that the tests make of this seed.")
@click.option("--at", type=Moment(), help="When it begins, in UTC unless it has an offset; now when absent.")
@click.option(
    "--push",
    "pushes",
    multiple=True,
    metavar="NAME",
    help="Something that reaches trunk then: a commit, or any name.",
)
@click.option("--push-every", metavar="DURATION", help="Have trunk change again and again, such as 7d.")
@click.option(
    "--promote",
    "promotions",
    multiple=True,
    metavar="ENVIRONMENT=DURATION",
    help="Promote what was pushed last to an environment so long after the beginning.",
)
@click.option(
    "--for", "lasts", default=FOR, show_default=True, metavar="DURATION", help="How long to play, up to 400d."
)
@click.option(
    "--nodes",
    default=NODES,
    show_default=True,
    type=click.IntRange(0, 100_000),
    help="How many nodes each environment has.",
)
@click.option("--write", is_flag=True, help="Print the scenario's file instead of playing it.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def command(
    path: Path,
    file: Path | None,
    seed: int | None,
    at: datetime | None,
    pushes: tuple[str, ...],
    push_every: str | None,
    promotions: tuple[str, ...],
    lasts: str,
    nodes: int,
    write: bool,
    as_json: bool,
) -> None:
    """Play releases on a made-up fleet, with the very functions that decide in the control plane.

    The environments, their policies and freeze windows are those of the repository in PATH, so that a policy or a
    calendar can be tried before it is pushed; nothing is compiled, sent or changed. A scenario's file adds nodes with
    faults and a timeline of failures. Every commit that the control plane would make is printed with its moment and
    its reason, and at the end what each environment runs and waits for.

    Exit code 0 when all of it came to rest with every invariant held, 1 when one broke, 2 for wrong usage.
    """
    if file is not None:
        scenario = read_scenario(file.read_text(), file.name)
    elif seed is not None:
        scenario = generate(seed)
    else:
        scenario = _of_repository(path, at or clock.now(), _duration(lasts, "--for"), nodes)
        scenario = replace(scenario, timeline=_timeline(scenario, pushes, push_every, promotions))
    if write:
        click.echo(write_scenario(scenario), nl=False)
        return
    world = World(scenario)
    broken = None
    try:
        world.run()
    except Broken as error:
        broken = error
    if as_json:
        click.echo(json.dumps(_document(world, broken), indent=2, ensure_ascii=False))
    else:
        for line in _lines(world):
            click.echo(line)
    if broken is not None:
        click.echo(f"{broken}", err=True)
        raise SystemExit(1)


def _of_repository(path: Path, starts: datetime, lasts: int, nodes: int) -> Scenario:
    snapshot, findings, contents = read_folder(path)
    if snapshot is None:
        print_findings(findings, contents, err=True)
        click.echo(counted(findings), err=True)
        raise SystemExit(1)
    config = write_resources(one for (kind, _), one in snapshot.resources.items() if kind in KINDS)
    groups = tuple(group for policy in snapshot.policies if nodes for group in _groups(policy, nodes))
    return Scenario("repository", 0, starts, lasts, config, snapshot.policies, groups, (), ())


def _groups(policy: EnvironmentPolicy, nodes: int) -> Iterator[Group]:
    """So many nodes of an environment; where a label tells slots apart, half of them in each."""
    slots = slots_of(policy)
    if slots is None or not slots.label or nodes < 2:
        yield Group(policy.name, nodes)
        return
    yield Group(policy.name, nodes - nodes // 2, labels=((slots.label, slots.blue),))
    yield Group(policy.name, nodes // 2, labels=((slots.label, slots.green),))


def _timeline(
    scenario: Scenario, pushes: tuple[str, ...], every: str | None, promotions: tuple[str, ...]
) -> tuple[Happening, ...]:
    names = list(pushes) or ["HEAD"]
    timeline = [Happening(1000 * number, "push", {"bundle": name}) for number, name in enumerate(names)]
    if every is not None:
        length = _duration(every, "--push-every")
        if length < 60_000:
            raise click.UsageError("--push-every is at least 1m.")
        for number, moment in enumerate(range(length, scenario.lasts, length), start=2):
            timeline.append(Happening(moment, "push", {"bundle": f"{names[-1]}-{number}"}))
    known = {policy.name for policy in scenario.policies}
    for text in promotions:
        environment, _, after = text.partition("=")
        if environment not in known:
            raise click.UsageError(
                f"--promote {text}: there is no environment '{environment}'; there are {', '.join(sorted(known))}."
            )
        what = {"environment": environment, "bundle": names[-1]}
        timeline.append(Happening(_duration(after or "0s", "--promote"), "promote", what))
    return tuple(sorted(timeline, key=lambda happening: happening.at))


def _duration(text: str, option: str) -> int:
    try:
        length = milliseconds(text)
    except ValueError:
        raise click.UsageError(
            f"{option} {text}: write one integer and one unit, such as 90s, 2h or 365d."
        ) from None
    if length > 400 * 86_400_000:
        raise click.UsageError(f"{option} {text}: at most 400d.")
    return length


def _lines(world: World) -> Iterator[str]:
    scenario = world.scenario
    yield f"{clock.iso(scenario.starts)}  {scenario.name}: {len(world.nodes)} nodes, {canonical(scenario.lasts)}"
    for commit in world.history:
        yield f"{clock.iso(scenario.moment(commit.at))}  {commit.environment}: {commit.subject}"
        if commit.because:
            yield f"{'':20}  because {commit.because}"
    yield ""
    for one in _ends(world):
        yield f"{one['environment']} runs {one['live'] or 'nothing'}; {one['says']}"
    yield f"{world.loop.events} events, {world.invariants.checks} full checks"


def _ends(world: World) -> list[dict[str, Any]]:
    names = {commit.digest: commit.subject.removeprefix("Change ") for commit in world.control.trunk}
    found = []
    for environment in world.environments.values():
        live, decision = environment.ledger.live, environment.last
        waiting = [reason.message for reason in decision.waiting] if decision is not None else []
        found.append(
            {
                "environment": environment.name,
                "live": f"{short(live)} ({names.get(live, 'unknown')})" if live else "",
                "says": "; ".join(waiting)
                or (decision.because if decision is not None else "it was not looked at"),
                "waiting": [
                    {"code": reason.code, "message": reason.message}
                    for reason in (decision.waiting if decision is not None else ())
                ],
            }
        )
    return found


def _document(world: World, broken: Broken | None) -> dict[str, Any]:
    return {
        "scenario": world.scenario.name,
        "starts": clock.iso(world.scenario.starts),
        "commits": [_commit(world, commit) for commit in world.history],
        "environments": _ends(world),
        "events": world.loop.events,
        "broken": None if broken is None else {"invariant": broken.number, "message": str(broken)},
    }


def _commit(world: World, commit: Commit) -> dict[str, Any]:
    return {
        "at": clock.iso_milliseconds(world.scenario.moment(commit.at)),
        "environment": commit.environment,
        "subject": commit.subject,
        "event": commit.event,
        "because": commit.because,
        "by_hand": commit.event == CHANGED_BY_HAND,
    }
