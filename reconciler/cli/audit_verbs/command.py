"""`sentinelctl audit`: who did what, and whether the log of it is whole."""

from __future__ import annotations

import click

from reconciler.cli.audit_verbs.export import export
from reconciler.cli.audit_verbs.verify import verify


@click.group()
def command() -> None:
    """Check the audit log of an organization, and write it for other systems."""


for verb in (verify, export):
    command.add_command(verb)
