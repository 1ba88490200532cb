"""`sentinelctl certificate`: put certificates into a config repository, renew and list them."""

from __future__ import annotations

import click

from reconciler.cli.certificate_verbs import adding, listing, renewing


@click.group()
def command() -> None:
    """Put certificates into a config repository, renew them, and see when they end.

    Every verb works in a clone. The chain is committed as it is; the private key is sealed for the environments first,
    so no server and nobody who reads the repository ever sees it.
    """


for verb in (adding, renewing, listing):
    command.add_command(verb.command)
