"""`sentinelctl person`: accounts of people."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import click

from reconciler import clock
from reconciler.cli.person_verbs.passwords import password_options, read_password
from reconciler.cli.person_verbs.recording import record_account
from reconciler.db import accounts
from reconciler.db.people import Person
from reconciler.db.session import connect, writing
from reconciler.flows.context import load_installation
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
    with _recorded("person.created") as note:
        person = note(accounts.create_person(email, name or email, password, now=clock.now()))
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
    wanted = read_password(generate=generate, from_stdin=from_stdin)
    with _recorded("person.password-changed") as note:
        accounts.set_password(note(person), wanted, now=clock.now())
    click.echo(f"{person.email} has another password, and every session is ended")


@command.command()
@click.argument("email")
def disable(email: str) -> None:
    """Let EMAIL in no more: sessions end, and API keys are revoked for good."""
    person = accounts.person_of(email)
    with _recorded("person.disabled") as note:
        accounts.set_disabled(note(person), True, now=clock.now())
    click.echo(f"{person.email} is disabled")


@command.command()
@click.argument("email")
def enable(email: str) -> None:
    """Let EMAIL in again. API keys have to be made anew."""
    person = accounts.person_of(email)
    with _recorded("person.enabled") as note:
        accounts.set_disabled(note(person), False, now=clock.now())
    click.echo(f"{person.email} may sign in again")


@contextmanager
def _recorded(action: str) -> Iterator[Callable[[Person], Person]]:
    """A transaction around a change of the account that is named in it, and the rows that tell of it."""
    installation = load_installation(read_settings(os.environ))
    named: list[Person] = []

    def note(person: Person) -> Person:
        named.append(person)
        return person

    with writing():
        yield note
        for person in named:
            record_account(installation, person, action, now=clock.now())
