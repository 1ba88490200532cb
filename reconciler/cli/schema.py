"""`sentinelctl schema`: the JSON Schema of the language."""

from __future__ import annotations

import json

import click

from reconciler.config.json_schema import json_schema
from reconciler.config.kinds import KINDS
from reconciler.config.suggest import did_you_mean


@click.command()
@click.argument("kind", required=False)
def command(kind: str | None) -> None:
    """Print the JSON Schema (draft 2020-12) of the resources' JSON form, or of one KIND alone.

    Every field has its type, its default and what it means, as editors and generators want them.
    """
    schema = json_schema()
    if kind is not None:
        if kind not in KINDS:
            hint = did_you_mean(kind, KINDS)
            raise click.UsageError(f"There is no kind '{kind}'.{f' {hint.capitalize()}' if hint else ''}")
        schema = {"$schema": schema["$schema"], **schema["$defs"][kind]}
    click.echo(json.dumps(schema, indent=2, ensure_ascii=False))
