"""`sentinelctl person`: accounts of people."""

from __future__ import annotations

import os

import click

from reconciler import clock
from reconciler.cli.person_verbs.passwords import password_options, read_password
from reconciler.db import accounts
from reconciler.db.session import connect
from reconciler.settings import read_settings


@click.group()
def command() -> None:
    """Make accounts of people, and look after them. What a person may do stands in control-plane.kdl."""
    connect(read_settings(os.environ))


@command.command()
@click.argument("email")
@click.option("--name", help="The person's name. Default: the address.")
@password_options
def create(email: str, name: str | None, generate: bool, from_stdin: bool) -> None:
    """Make an account for EMAIL. It sees nothing until a `member` line in control-plane.kdl names it."""
    password = read_password(generate=generate, from_stdin=from_stdin)
    person = accounts.create_person(email, name or email, password, now=clock.now())
    click.echo(f'made; give it a role in control-plane.kdl:  member "{person.email}" "reader"')


@command.command("list")
def list_people() -> None:
    """List the accounts: address, state, when it last signed in, name."""
    for row in accounts.people():
        state = "disabled" if row.disabled_at is not None else row.everywhere or "active"
        seen = "never" if row.signed_in_at is None else clock.iso(row.signed_in_at)
        click.echo(f"{row.email:<40} {state:<9} signed-in={seen}  {row.name}")


@command.command()
@click.argument("email")
@password_options
def password(email: str, generate: bool, from_stdin: bool) -> None:
    """Give EMAIL another password, and end all of the person's sessions."""
    person = accounts.person_of(email)
    accounts.set_password(person, read_password(generate=generate, from_stdin=from_stdin), now=clock.now())
    click.echo(f"{person.email} has another password, and every session is ended")


@command.command()
@click.argument("email")
def disable(email: str) -> None:
    """Let EMAIL in no more: sessions end, and API keys are revoked for good."""
    person = accounts.person_of(email)
    accounts.set_disabled(person, True, now=clock.now())
    click.echo(f"{person.email} is disabled")


@command.command()
@click.argument("email")
def enable(email: str) -> None:
    """Let EMAIL in again. API keys have to be made anew."""
    person = accounts.person_of(email)
    accounts.set_disabled(person, False, now=clock.now())
    click.echo(f"{person.email} may sign in again")
