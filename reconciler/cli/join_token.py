"""`sentinelctl join-token`: make, list and revoke what lets a machine register as a node."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from datetime import timedelta

import click

from reconciler import clock
from reconciler.cli.only_project import only_project
from reconciler.cli.person_verbs.recording import here
from reconciler.config.installation import Project
from reconciler.db.audit import Act, audited
from reconciler.db.joining import create_join_token, list_join_tokens, revoke_join_token, state_of
from reconciler.db.models import Environment
from reconciler.db.session import connect, reading
from reconciler.errors import Stalled
from reconciler.flows.context import load_installation
from reconciler.labels import read_labels
from reconciler.settings import read_settings

_SPAN = re.compile(r"([0-9]{1,5})([smhd])")
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


@click.group()
def command() -> None:
    """Make, list and revoke what lets a machine register as a node."""


@command.command()
@click.argument("environment")
@click.option("--project", help="Default: the only project there is.")
@click.option(
    "--uses", type=click.IntRange(1, 1_000_000), help="How many nodes may register; default: any number."
)
@click.option(
    "--expires", default="24h", show_default=True, help="Such as 30m, 24h or 7d; 'never' is possible."
)
@click.option("--note", default="", help="What it is for, shown in the list.")
@click.option(
    "--label",
    "labels",
    multiple=True,
    metavar="KEY=VALUE",
    help="Label of every node that registers with it, whatever the node says; may be repeated.",
)
@click.option(
    "--replaces",
    is_flag=True,
    help="A node that registers with it takes the place of a node of the same name that fell silent.",
)
def create(
    environment: str,
    project: str | None,
    uses: int | None,
    expires: str,
    note: str,
    labels: tuple[str, ...],
    replaces: bool,
) -> None:
    """Print a new join token for ENVIRONMENT. It is shown this once; only its hash is kept."""
    found = chosen_project(project)
    with reading():
        known = [
            row.name
            for row in Environment.select()
            .where(Environment.organization == found.organization, Environment.project == found.slug)
            .order_by(Environment.position)
        ]
    if known and environment not in known:
        raise Stalled(
            "E-NOD-040",
            f"project '{found.slug}' has no environment '{environment}'",
            cure=f"Use one of {', '.join(known)}",
        )
    now = clock.now()
    expires_at = None if expires == "never" else now + read_span(expires)
    details = {
        "environment": environment,
        "note": note,
        "uses": uses,
        "labels": list(labels),
        "expires": expires,
    }
    with audited(here(), now=now) as tell:
        token = create_join_token(
            found.organization,
            found.slug,
            environment,
            now=now,
            note=note,
            uses=uses,
            expires_at=expires_at,
            labels=read_labels(labels),
            replaces=replaces,
        )
        tell(Act("join_token.created", found.organization, found.slug, environment, details=details))
    click.echo(token)


@command.command("list")
@click.option("--project", help="Default: the only project there is.")
def list_tokens(project: str | None) -> None:
    """List join tokens: number, environment, state, uses left, expiry, labels, note.

    The tokens themselves are not kept.
    """
    found = chosen_project(project)
    now = clock.now()
    with reading():
        rows = list_join_tokens(found.organization, found.slug)
    for row in rows:
        left = "any" if row.uses_left is None else row.uses_left
        until = "never" if row.expires_at is None else clock.iso(row.expires_at)
        click.echo(
            f"{row.id:>4}  {row.environment:<20} {state_of(row, now=now):<8} uses-left={left} expires={until}"
            f"{' replaces' if row.replaces else ''}{_labels(row.labels)}  {row.note}"
        )


@command.command()
@click.argument("number", type=click.IntRange(1))
@click.option("--project", help="Default: the only project there is.")
def revoke(number: int, project: str | None) -> None:
    """Revoke the join token NUMBER of the list. Nodes that registered with it stay."""
    found = chosen_project(project)
    with audited(here(), now=clock.now()) as tell:
        known = revoke_join_token(found.organization, found.slug, number, now=clock.now())
        if known:
            tell(Act("join_token.revoked", found.organization, found.slug, str(number)))
    if not known:
        raise Stalled(
            "E-NOD-041",
            f"project '{found.slug}' has no join token {number}",
            cure="See 'sentinelctl join-token list'",
        )
    click.echo(f"revoked {number}")


def _labels(labels: Mapping[str, str]) -> str:
    return " labels=" + ",".join(f"{key}={value}" for key, value in labels.items()) if labels else ""


def read_span(text: str) -> timedelta:
    """`30m`, `24h`, `7d` as a time span. Raises `Stalled`."""
    match = _SPAN.fullmatch(text)
    if match is None or int(match[1]) == 0:
        raise Stalled(
            "E-NOD-042", f"'{text}' is not a time span", cure="Write a number and s, m, h or d, such as 24h"
        )
    return timedelta(**{_UNITS[match[2]]: int(match[1])})


def chosen_project(slug: str | None) -> Project:
    """The project of that slug, or the only one there is. Connects to the database. Raises `Stalled`."""
    settings = read_settings(os.environ)
    connect(settings)
    return only_project(load_installation(settings), slug)
