"""`sentinelctl log acknowledge`: a person says what an alarm was."""

from __future__ import annotations

import click

from reconciler import clock
from reconciler.cli.log_verbs.opening import open_organization
from reconciler.cli.person_verbs.recording import here
from reconciler.db.audit import Act, record
from reconciler.db.logged import LogAlarm
from reconciler.db.models import Event
from reconciler.db.session import writing
from reconciler.errors import Stalled


@click.command()
@click.argument("number", type=click.IntRange(1))
@click.option("--because", required=True, metavar="WORDS", help="What it was, for whoever asks later.")
@click.option("--organization", metavar="SLUG", help="Default: the only one there is.")
def acknowledge(number: int, because: str, organization: str | None) -> None:
    """Take the alarm NUMBER (see 'sentinelctl log show') off the pages. It stays in the database, with your words."""
    context, _ = open_organization(organization)
    now = clock.now()
    with writing():
        row = LogAlarm.get_or_none(
            LogAlarm.id == number,
            LogAlarm.organization == context.organization.slug,
            LogAlarm.acknowledged_at.is_null(),
        )
        if row is None:
            raise Stalled(
                "E-LOG-009",
                f"organization '{context.organization.slug}' has no open alarm {number}",
                cure="See 'sentinelctl log show'",
            )
        LogAlarm.update(acknowledged_at=now, acknowledged_because=because).where(
            LogAlarm.id == number
        ).execute()
        act = Act(
            "log.acknowledged", row.organization, row.project, row.subject, details={"because": because}
        )
        record(here(), act, now=now)
        Event.create(
            organization=row.organization,
            project=row.project,
            kind="log.acknowledged",
            subject=row.subject,
            message=f"The alarm about {row.source} {row.name} was acknowledged: {because}",
            details={"seen": row.seen, "because": because},
            at=now,
        )
    click.echo(f"acknowledged {number}")
