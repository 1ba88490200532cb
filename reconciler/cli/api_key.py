"""`sentinelctl api-key`: what programs sign in with."""

from __future__ import annotations

import os

import click

from reconciler import clock
from reconciler.cli.join_token import read_span
from reconciler.cli.person_verbs.recording import here
from reconciler.db import api_keys
from reconciler.db.accounts import person_of
from reconciler.db.api_keys import SCOPES
from reconciler.db.audit import Act, audited
from reconciler.db.session import connect
from reconciler.errors import Refused, Stalled
from reconciler.flows.context import load_installation
from reconciler.settings import read_settings


@click.group()
def command() -> None:
    """Make, list and revoke API keys."""
    connect(read_settings(os.environ))


@command.command()
@click.argument("email")
@click.option("--name", required=True, help="What it is for.")
@click.option(
    "--scope",
    "scopes",
    multiple=True,
    required=True,
    help=f"What it may do; may be given several times. One of {', '.join(SCOPES)}.",
)
@click.option("--organization", help="Default: the only one there is.")
@click.option("--project", default="", help="Bind it to this project. Default: all of the organization.")
@click.option("--expires", default="90d", show_default=True, help="Such as 12h, 30d or 366d, the longest.")
def create(
    email: str, name: str, scopes: tuple[str, ...], organization: str | None, project: str, expires: str
) -> None:
    """Print a new key of EMAIL, which may do what its scopes say and never more than EMAIL. It is shown this once."""
    person, now = person_of(email), clock.now()
    if person.disabled_at is not None:
        raise Stalled("E-AUT-022", f"the account '{email}' is disabled", cure="Enable it first")
    slug, ends = _organization(organization, project), now + read_span(expires)
    with audited(here(), now=now) as note:
        row, token = api_keys.make(
            person, organization=slug, project=project, name=name, scopes=scopes, expires_at=ends, now=now
        )
        details = {"person": email, "name": name, "scopes": list(scopes), "expires_at": clock.iso(ends)}
        note(Act("api_key.created", slug, project, subject=row.id, details=details))
    click.echo(token)


@command.command("list")
def list_keys() -> None:
    """List the keys: id, person, place, state, when it was last used, scopes. The keys themselves are not kept."""
    now = clock.now()
    for row, owner in api_keys.listed():
        state = "valid"
        if row.revoked_at is not None:
            state = "revoked"
        elif row.expires_at <= now:
            state = "expired"
        place = f"{row.organization}/{row.project or '*'}"
        used = "never" if row.used_at is None else clock.iso(row.used_at)
        click.echo(
            f"{row.id} {owner.email:<30} {place:<20} {state:<8} used={used} "
            f"expires={clock.iso(row.expires_at)} {','.join(row.scopes)}  {row.name}"
        )


@command.command()
@click.argument("identifier", metavar="ID")
def revoke(identifier: str) -> None:
    """Let the key ID of the list in no more."""
    found = api_keys.one(identifier)
    if found is None:
        raise Stalled("E-AUT-034", f"there is no key '{identifier}'", cure="See `sentinelctl api-key list`")
    row, owner = found
    with audited(here(), now=clock.now()) as note:
        api_keys.revoke(identifier, now=clock.now())
        note(Act("api_key.revoked", row.organization, row.project, row.id, details={"person": owner.email}))
    click.echo(f"revoked {identifier}")


def _organization(slug: str | None, project: str) -> str:
    found = load_installation(read_settings(os.environ)).organizations
    fitting = [
        o
        for o in found
        if slug in (None, o.slug) and (not project or project in {p.slug for p in o.projects})
    ]
    if len(fitting) != 1:
        known = ", ".join(f"{o.slug} ({', '.join(p.slug for p in o.projects)})" for o in found)
        raise Refused(
            "E-AUT-032", "there is no such organization or project, or several", cure=f"There are {known}"
        )
    return fitting[0].slug
