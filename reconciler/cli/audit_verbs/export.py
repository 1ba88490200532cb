"""`sentinelctl audit export`: write rows for other systems."""

from __future__ import annotations

from datetime import datetime

import click

from reconciler.cli.audit_verbs.forms import FORMS
from reconciler.cli.log_verbs.opening import open_organization
from reconciler.cli.moment import Moment
from reconciler.db.audit import Search, rows_after
from reconciler.db.session import reading


@click.command()
@click.option("--organization", metavar="SLUG", help="Default: the only one there is.")
@click.option(
    "--format", "form", type=click.Choice(sorted(FORMS)), default="json", show_default=True,
    help="JSON lines, or CEF.",
)  # fmt: skip
@click.option("--project", help="Only rows of this project.")
@click.option("--actor", help="Only rows of who has this in the name.")
@click.option("--action", help="Only rows of this action, or of those that begin with it.")
@click.option("--since", type=Moment(), help="Only rows from then on.")
@click.option("--until", type=Moment(), help="Only rows from before then.")
def export(
    organization: str | None,
    form: str,
    project: str | None,
    actor: str | None,
    action: str | None,
    since: datetime | None,
    until: datetime | None,
) -> None:
    """Print rows of the audit log, one a line, the oldest first. Rows that wait for their number are among them."""
    context, _ = open_organization(organization)
    search = Search(
        context.organization.slug, project=project, actor=actor, action=action, since=since, until=until
    )
    after = 0
    while True:
        with reading():
            rows = rows_after(search, after)
        if not rows:
            return
        for row in rows:
            click.echo(FORMS[form](row))
        after = rows[-1].id
