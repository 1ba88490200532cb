"""`sentinelctl deliveries`: what forges told us, and what they did not."""

from __future__ import annotations

import json
import os

import click

from reconciler import clock
from reconciler.cli.connect import known_connection
from reconciler.db.intake import Gap, Receipt
from reconciler.db.session import connect, reading
from reconciler.db.webhooks import Webhook
from reconciler.flows.context import load_installation
from reconciler.settings import read_settings


@click.command()
@click.argument("connection")
@click.option("--limit", default=20, show_default=True, help="How many of each to show.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def command(connection: str, limit: int, as_json: bool) -> None:
    """Show the last webhook deliveries of CONNECTION, and before them the gaps: moves of branches that no delivery told
    of, each with a guess why. Nothing is lost by a gap: the sweep found it, only later.
    """
    settings = read_settings(os.environ)
    installation = load_installation(settings)
    found = known_connection(installation, connection)
    connect(settings)
    with reading():
        gaps = list(
            Gap.select()
            .where(Gap.organization == found.organization, Gap.connection == found.slug)
            .order_by(Gap.explained_at.is_null(False), Gap.id.desc())
            .limit(limit)
        )
        receipts = list(
            Receipt.select()
            .where(Receipt.organization == found.organization, Receipt.connection == found.slug)
            .order_by(Receipt.id.desc())
            .limit(limit)
        )
        hooks = list(
            Webhook.select()
            .where(Webhook.organization == found.organization, Webhook.connection == found.slug)
            .order_by(Webhook.url)
        )
    now = clock.now()
    if as_json:
        document = {
            "webhooks": [
                {"repository": hook.url, "trouble": hook.trouble, "seen_at": clock.iso(hook.seen_at)}
                for hook in hooks
            ],
            "gaps": [
                {
                    "ref": gap.ref,
                    "repository": gap.url,
                    "before": gap.before,
                    "after": gap.after,
                    "state": gap.state(now),
                    "guess": gap.guess,
                    "found_at": clock.iso(gap.found_at),
                }
                for gap in gaps
            ],
            "deliveries": [
                {
                    "delivery": receipt.delivery,
                    "event": receipt.event,
                    "repository": receipt.repository,
                    "refs": receipt.refs,
                    "received_at": clock.iso(receipt.received_at),
                }
                for receipt in receipts
            ],
        }
        click.echo(json.dumps(document, indent=2))
        return
    for hook in hooks:
        if hook.trouble:
            click.echo(f"The webhook of {hook.url}: {hook.trouble} (seen {clock.iso(hook.seen_at)})\n")
    click.echo("Moves that no delivery told of:" if gaps else "Every move was told of by a delivery.")
    for gap in gaps:
        moved = f"{gap.before[:12] or 'nothing'} → {gap.after[:12] or 'nothing'}"
        click.echo(f"  {clock.iso(gap.found_at)}  {gap.state(now)}  {gap.ref}  {moved}")
        click.echo(f"    {gap.guess}")
    click.echo("\nDeliveries:" if receipts else "\nNo delivery has come yet.")
    for receipt in receipts:
        refs = ", ".join(receipt.refs) or "-"
        click.echo(
            f"  {clock.iso(receipt.received_at)}  {receipt.event}  {receipt.repository or '-'}  {refs}"
        )
