"""`sentinelctl secret show`: one secret, and who names it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import click

from reconciler.cli.secret_verbs.listing import rotate_every, rows
from reconciler.cli.working_clone import WorkingClone
from reconciler.config.credentials import secret_named
from reconciler.config.kdl import KdlNode
from reconciler.config.kinds import KINDS
from reconciler.config.references import secret_fields


@click.command("show")
@click.argument("name")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.option(
    "--path",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    default=".",
    help="The project's folder in a clone. Default: the current folder.",
)
def command(name: str, as_json: bool, path: Path) -> None:
    """Show what is known of the secret NAME: its values' versions and ages, and the resources that name it.

    Values are neither opened nor shown.
    """
    clone = WorkingClone(path)
    node = clone.resource("secret", name)
    values = [row for row in rows(clone) if row["name"] == name and row["version"] is not None]
    named_by = sorted(
        f"{kind} {other}"
        for kind in KINDS
        for _, other, resource in clone.resources(kind)
        if kind != "secret" and name in _named(resource, secret_fields(kind))
    )
    about = {
        "name": name,
        "file": clone.path_of("secret", name),
        "description": next((c.arguments[0] for c in node.children if c.name == "description"), None),
        "rotate-every": rotate_every(node),
        "values": [{key: value for key, value in row.items() if key != "name"} for row in values],
        "named-by": named_by,
    }
    if as_json:
        click.echo(json.dumps(about, indent=2))
        return
    click.echo(f"{name}, in {about['file']}")
    for key in ("description", "rotate-every"):
        if about[key]:
            click.echo(f"  {key}: {about[key]}")
    for row in values:
        age = "unknown" if row["age-days"] is None else f"{row['age-days']} days"
        notes = (", due" if row["due"] else "") + (
            "" if row["current-key"] else ", not the environment's key"
        )
        click.echo(f"  {row['environment']}: v{row['version']}, age {age}, key {row['key']}{notes}")
    click.echo(f"  named by: {', '.join(named_by) or 'nobody'}")


def _named(node: KdlNode, fields: frozenset[str]) -> Iterator[str]:
    """Names of secrets in a resource, overrides included."""
    for child in node.children:
        for value in (*child.arguments, *child.properties.values()):
            named = secret_named(value)
            if named is not None:
                yield named
            elif child.name in fields and isinstance(value, str):
                yield value
        yield from _named(child, fields)
