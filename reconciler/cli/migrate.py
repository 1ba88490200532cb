"""`sentinelctl migrate`: bring the database to this version's tables."""

from __future__ import annotations

import os

import click

from reconciler.db.migrate import migrate
from reconciler.settings import read_settings


@click.command()
def command() -> None:
    """Bring the database of DATABASE_URL to this version's tables.

    Every process does this at its start, under a lock; run it by hand to see that it works before a roll-out.
    """
    migrate(read_settings(os.environ))
    click.echo("The database is at this version's tables.")
