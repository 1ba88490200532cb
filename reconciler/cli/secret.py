"""`sentinelctl secret`: seal values for environments, and look after them."""

from __future__ import annotations

import click

from reconciler.cli.secret_verbs import keygen, listing, rewrap, rotate, setting, show


@click.group()
def command() -> None:
    """Seal secrets for environments, and look after them.

    Every verb works in a clone and needs no key of a server, but for rewrap, which needs the key that is replaced.
    """


for verb in (setting, rotate, rewrap, listing, show, keygen):
    command.add_command(verb.command)
