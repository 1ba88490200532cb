"""`sentinelctl log`: show, verify and prove the transparency log of an organization."""

from __future__ import annotations

import click

from reconciler.cli.log_verbs.acknowledge import acknowledge
from reconciler.cli.log_verbs.prove import prove
from reconciler.cli.log_verbs.show import show
from reconciler.cli.log_verbs.verify import verify


@click.group()
def command() -> None:
    """Show, verify and prove the log of what was signed for an organization's fleet."""


for verb in (show, verify, prove, acknowledge):
    command.add_command(verb)
