"""`sentinelctl log show`: the newest checkpoint, the newest entries, and the alarms that nobody acknowledged."""

from __future__ import annotations

import json

import click

from reconciler.bundle.checkpoint import read_checkpoint
from reconciler.bundle.leaves import decode_leaf, describe
from reconciler.cli.log_verbs.opening import open_organization
from reconciler.clock import iso
from reconciler.db.logged import LogAlarm
from reconciler.db.session import reading
from reconciler.flows.log.signing import open_log


@click.command()
@click.option("--organization", metavar="SLUG", help="Default: the only one there is.")
@click.option(
    "--entries",
    type=click.IntRange(0, 10_000),
    default=5,
    show_default=True,
    help="How many of the newest entries.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def show(organization: str | None, entries: int, as_json: bool) -> None:
    """Print the newest signed checkpoint, the newest entries under it, and every open alarm.

    The signed checkpoint is what to hand to a witness, or to keep for a later 'sentinelctl log verify'.
    """
    context, _ = open_organization(organization)
    files = open_log(context)
    note = files.checkpoint()
    size = read_checkpoint(note).size if note is not None else 0
    found = [(index, files.entry(index)) for index in range(max(0, size - entries), size)]
    newest = [
        {"index": index, **(describe(decode_leaf(data)) if data is not None else {"type": "missing"})}
        for index, data in found
    ]
    with reading():
        alarms = list(
            LogAlarm.select()
            .where(LogAlarm.organization == context.organization.slug, LogAlarm.acknowledged_at.is_null())
            .order_by(LogAlarm.id)
        )
    if as_json:
        rows = [
            {
                "number": row.id, "at": iso(row.raised_at), "source": row.source, "name": row.name,
                "seen": row.seen, "ours": row.ours, "reason": row.reason,
            }
            for row in alarms
        ]  # fmt: skip
        click.echo(json.dumps({"checkpoint": note, "entries": newest, "alarms": rows}, indent=2))
        return
    click.echo(note if note is not None else "nothing was signed yet")
    for entry in newest:
        words = " ".join(f"{name}={value}" for name, value in entry.items() if name not in ("index", "type"))
        click.echo(f"{entry['index']:>8}  {entry['type']:<9}  {words}")
    for row in alarms:
        click.echo(
            f"ALARM {row.id}, {iso(row.raised_at)}: {row.source} {row.name} saw '{row.seen}': {row.reason}"
        )
