"""`sentinelctl calendar`: what the freeze windows of a repository say of a moment."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from reconciler import clock
from reconciler.cli.folder import read_folder
from reconciler.cli.moment import Moment
from reconciler.cli.validate import counted, print_findings
from reconciler.config.policy import EnvironmentPolicy
from reconciler.release.freeze import frozen, next_freeze, thaws_at


@click.group()
def command() -> None:
    """Say when releases are frozen."""


@command.command()
@click.argument("path", type=click.Path(path_type=Path, exists=True), default=".")
@click.option("--at", type=Moment(), help="The moment, in UTC unless it has an offset; now when absent.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def explain(path: Path, at: datetime | None, as_json: bool) -> None:
    """Print for each environment which freeze windows hold at a moment, until when, and which one begins next.

    Reads the files of PATH, so that a calendar can be tried before it is pushed; the control plane goes by the newest
    valid commit of trunk. Exit code 1 when the repository has an error.
    """
    snapshot, findings, contents = read_folder(path)
    if snapshot is None:
        print_findings(findings, contents, err=True)
        click.echo(counted(findings), err=True)
        raise SystemExit(1)
    moment = (at or clock.now()).astimezone(UTC)
    told = [_explained(policy, moment) for policy in snapshot.policies]
    if as_json:
        click.echo(json.dumps({"at": clock.iso(moment), "environments": told}, indent=2))
        return
    click.echo(f"At {clock.iso(moment)}:")
    for one in told:
        click.echo(_sentence(one))


def _explained(policy: EnvironmentPolicy, moment: datetime) -> dict[str, Any]:
    held = frozen(policy.freezes, policy.name, moment)
    thaw = thaws_at(policy.freezes, policy.name, moment) if held else None
    following = next_freeze(policy.freezes, policy.name, thaw or moment)
    return {
        "environment": policy.name,
        "frozen": bool(held),
        "windows": [
            {
                "name": one.window.name,
                "reason": one.window.reason,
                "until": clock.iso(one.until),
                "hotfix_approvals": one.window.hotfix_approvals,
            }
            for one in held
        ],
        "thaws_at": None if thaw is None else clock.iso(thaw),
        "next": None if following is None else {"name": following[0].name, "at": clock.iso(following[1])},
    }


def _sentence(told: dict[str, Any]) -> str:
    following = told["next"]
    after = f"; next: {following['name']} at {following['at']}" if following else ""
    if not told["frozen"]:
        return f"  {told['environment']}: releases may be opened{after}"
    windows = ", ".join(f"{one['name']} ({one['reason']}) until {one['until']}" for one in told["windows"])
    end = told["thaws_at"] or "more than 400 days from then"
    more = [one["hotfix_approvals"] for one in told["windows"]]
    # A release has to pass every window that holds.
    hotfix = f"; a labelled hotfix passes with {max(more)} more approvals" if None not in more else ""
    return f"  {told['environment']}: frozen by {windows}; thaws at {end}{hotfix}{after}"
