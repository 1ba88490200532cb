"""`sentinelctl connect`: set up the webhooks of a connection at its forge, and see one delivery come in."""

from __future__ import annotations

import os
import time
from collections.abc import Callable

import click

from reconciler import clock
from reconciler.config.addresses import place
from reconciler.config.installation import Connection, Installation
from reconciler.db.intake import Receipt
from reconciler.db.session import connect, reading
from reconciler.errors import Stalled
from reconciler.flows.context import Context, load_installation, open_context
from reconciler.flows.pulls.reaching import api_of
from reconciler.forge.calling import Api
from reconciler.forge.hooks import Hook
from reconciler.forge.request import path_of
from reconciler.git.remote import remote_refs
from reconciler.git.url import is_ssh
from reconciler.keys.uri import load_secret
from reconciler.settings import read_settings

LOOK_SECONDS = 0.2


@click.command()
@click.argument("connection")
@click.option(
    "--url",
    default="",
    help="Where the forge reaches the webhook process, such as https://hooks.example; the connection's `receiver` "
    "when absent.",
)
@click.option(
    "--wait", default=30.0, show_default=True, help="Seconds to wait for the delivery that is asked for."
)
def command(connection: str, url: str, wait: float) -> None:
    """Set up, for every repository of CONNECTION, the webhook at the forge: its URL, the connection's first secret and
    the events that are acted on. One that is there is brought up to date. Then the forge is asked to deliver the last
    push again, and the command ends when the receipt is there.

    It needs `credentials` that may administer the repositories. Bitbucket cannot be asked for a delivery: push
    something. A repository that is reached over ssh is listed first, with the connection's key and from a host whose
    key is pinned.
    """
    settings = read_settings(os.environ)
    installation = load_installation(settings)
    found = known_connection(installation, connection)
    connect(settings)
    projects = {
        project.repository: project
        for organization in installation.organizations
        for project in organization.projects
        if project.connection == connection and organization.slug == found.organization
    }
    base = url or found.receiver
    if not base:
        raise Stalled(
            "E-FRG-031",
            f"nothing says where the forge reaches the webhook process of the connection '{connection}'",
            cure="Give --url, or write `receiver` into the connection",
        )
    if not projects:
        raise Stalled("E-FRG-030", f"no project names the connection '{connection}'", cure="Add one")
    missing = 0
    for project in projects.values():
        context = open_context(settings, installation, found.organization, project.slug, os.environ)
        missing += not set_up(context, found, base, wait, click.echo)
    if missing:
        raise SystemExit(1)


def known_connection(installation: Installation, slug: str) -> Connection:
    """The connection of that slug. Raises `Stalled` E-FRG-002."""
    found = installation.connection(slug)
    if found is None:
        known = ", ".join(c.slug for o in installation.organizations for c in o.connections) or "none"
        raise Stalled(
            "E-FRG-002", f"the server configuration has no connection '{slug}'", cure=f"It has: {known}"
        )
    return found


def set_up(
    context: Context, connection: Connection, base: str, wait: float, say: Callable[[str], None]
) -> bool:
    """One repository; whether a delivery came in, or cannot be asked for. Raises as the forge does."""
    api = api_of(context)
    if api is None or not connection.secrets:
        raise Stalled(
            "E-FRG-031",
            f"the connection '{connection.slug}' lacks a secret, credentials or the address of an API",
            cure="Add what is missing in control-plane.kdl: secret, credentials, api",
        )
    if is_ssh(context.project.repository):
        remote_refs(context.project.repository, context.git_credentials())
        say(f"{context.project.repository}: the host's key is a pinned one, and the host takes ours")
    url = connection.webhook(base)
    secret = load_secret(connection.secrets[0], folder=context.folder, environ=context.environ).decode()
    hook, made = at_forge(api, path_of(context.project.repository), url, secret)
    say(f"{context.project.repository}: the webhook {'is set up' if made else 'was there and is up to date'}")
    if api.forge.hooks.test is None:
        say("  this forge delivers nothing on demand: push something, and look at `sentinelctl deliveries`")
        return True
    before = newest(context)
    api.send(api.forge.hooks.test(path_of(context.project.repository), hook.id), now=clock.now())
    ends = time.monotonic() + wait
    while newest(context) == before:
        if time.monotonic() > ends:
            say(
                f"  nothing came to {url} within {wait:g} s: the forge's page of the webhook says what it was answered"
            )
            return False
        time.sleep(LOOK_SECONDS)
    say("  a delivery came in, signed as it should be")
    return True


def at_forge(api: Api, path: str, url: str, secret: str) -> tuple[Hook, bool]:
    """The webhook of that URL, made or brought up to date, and whether it was made."""
    hooks = api.forge.hooks
    there = [one for one in api.ask(hooks.listed(path), hooks.read, now=clock.now()) if one.url == url]
    if not there:
        return api.ask(hooks.add(path, url, secret), hooks.read_one, now=clock.now()), True
    api.send(hooks.edit(path, there[0].id, url, secret), now=clock.now())
    return there[0], False


def newest(context: Context) -> int:
    """The number of the newest receipt that is about the project's repository, 0 for none."""
    with reading():
        row = (
            Receipt.select(Receipt.id)
            .where(
                Receipt.organization == context.organization.slug,
                Receipt.connection == (context.project.connection or ""),
                Receipt.place == place(context.project.repository),
            )
            .order_by(Receipt.id.desc())
            .first()
        )
    return row.id if row is not None else 0
