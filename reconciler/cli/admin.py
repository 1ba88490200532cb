"""`sentinelctl admin`: accounts that may do everything in every organization."""

from __future__ import annotations

import os

import click

from reconciler import clock
from reconciler.cli.person_verbs.passwords import password_options, read_password
from reconciler.cli.person_verbs.recording import record_account
from reconciler.db.accounts import create_person
from reconciler.db.session import connect, writing
from reconciler.flows.context import load_installation
from reconciler.settings import read_settings


@click.group()
def command() -> None:
    """Make accounts that may do everything in every organization."""


@command.command()
@click.argument("email")
@click.option("--name", help="The person's name. Default: the address.")
@password_options
def create(email: str, name: str | None, generate: bool, from_stdin: bool) -> None:
    """Make an account for EMAIL that may do everything: the first one of an installation, and those that look after
    accounts. Everybody else gets one by `sentinelctl person create` and a role in control-plane.kdl."""
    settings = read_settings(os.environ)
    connect(settings)
    password = read_password(generate=generate, from_stdin=from_stdin)
    now, installation = clock.now(), load_installation(settings)
    with writing():
        person = create_person(email, name or email, password, now=now, everywhere="admin")
        record_account(installation, person, "person.created", now=now, details={"everywhere": "admin"})
    click.echo(f"{person.email} may do everything; sign in at {settings.pages_public_url}/sign-in")
