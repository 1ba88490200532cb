"""`sentinelctl secret list`: names, versions and ages."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from reconciler import clock
from reconciler.cli.secret_verbs.standing import key_id_of, standing
from reconciler.cli.working_clone import WorkingClone
from reconciler.config.kdl import KdlNode
from reconciler.config.kinds import KINDS
from reconciler.config.report import Problem
from reconciler.config.secret_age import age_in_days, is_due


@click.command("list")
@click.option("--environment", metavar="NAME", help="The values of this environment alone.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object a line.")
@click.option(
    "--path",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    default=".",
    help="The project's folder in a clone. Default: the current folder.",
)
def command(environment: str | None, as_json: bool, path: Path) -> None:
    """List secrets: environment, version, age, the key they are sealed for. Values are neither opened nor shown."""
    clone = WorkingClone(path)
    for row in rows(clone):
        if environment not in (None, row["environment"]):
            continue
        click.echo(json.dumps(row) if as_json else _line(row))


def rows(clone: WorkingClone) -> list[dict[str, Any]]:
    """One for each sealed value, and one for each secret that has none."""
    today = clock.now().date()
    keys = {name: key_id_of(clone, name) for _, name, _ in clone.resources("environment")}
    every = {name: rotate_every(node) for _, name, node in clone.resources("secret")}
    found: list[dict[str, Any]] = [
        {
            "name": one.name,
            "environment": one.environment,
            "version": one.version,
            "rotated": None if one.rotated is None else one.rotated.isoformat(),
            "age-days": None if one.rotated is None else age_in_days(one.rotated, today),
            "due": one.rotated is not None and is_due(one.rotated, every[one.name], today),
            "key": one.sealed.key_id,
            "current-key": one.sealed.key_id == keys.get(one.environment),
        }
        for one in standing(clone)
    ]
    valued = {row["name"] for row in found}
    bare = {"environment": None, "version": None, "rotated": None, "age-days": None, "due": False}
    found += [{"name": name, **bare, "key": None, "current-key": False} for name in every.keys() - valued]
    return sorted(found, key=lambda row: (row["name"], row["environment"] or ""))


def rotate_every(node: KdlNode) -> str | None:
    """What a secret says of its greatest age; None also when that is no duration."""
    field = KINDS["secret"].field.child["rotate-every"].arguments[0].type
    for child in node.children:
        if child.name == "rotate-every" and child.arguments:
            found = field.read(child.arguments[0])
            return None if isinstance(found, Problem) else str(found)
    return None


def _line(row: dict[str, Any]) -> str:
    if row["version"] is None:
        return f"{row['name']:<28} no value"
    age = "age unknown" if row["age-days"] is None else f"{row['age-days']} days old"
    notes = (", due" if row["due"] else "") + ("" if row["current-key"] else ", not the environment's key")
    return (
        f"{row['name']:<28} {row['environment']:<16} v{row['version']:<5} {age:<14} key {row['key']}{notes}"
    )
