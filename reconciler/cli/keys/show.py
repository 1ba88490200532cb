"""`sentinelctl keys show`: the roots, who may sign what, and which keys are here."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import click

from reconciler import clock
from reconciler.bundle.chain import Chain
from reconciler.bundle.fields import instant
from reconciler.bundle.root import ROLES, Root
from reconciler.bundle.succession import RENEW_BEFORE, differences, read_proposal
from reconciler.cli.keys.files import (
    describe,
    echo_json,
    find_previous,
    read_file,
    roles_of,
    tell,
    tell_roles,
)
from reconciler.cli.keys.options import FILE, json_option, organization_option


@click.command()
@click.argument("file", type=FILE, required=False)
@click.option("--previous", type=FILE, help="With FILE, your copy of the root before.")
@organization_option
@json_option
def command(file: Path | None, previous: Path | None, organization: str | None, as_json: bool) -> None:
    """Show the published roots, the roles of the newest, and which configured keys hold which role on this machine.

    With FILE, show what the root in it changes and who has still to sign; that needs no installation.
    """
    if file is not None:
        envelope = read_file(file)
        new = read_proposal(envelope, None)
        found = describe(envelope, find_previous(file, new, previous), new)
        echo_json({"file": str(file), **found}) if as_json else tell(found)
        return
    from reconciler.cli.keys.installed import open_installed

    installed = open_installed(organization)
    chain = installed.chain()
    held = {role: [_held(key, role, chain) for key in installed.held(role)] for role in ROLES}
    now = clock.now()
    document = {
        "organization": installed.organization.slug,
        "roots": [
            _root(chain.roots[number - 1] if number else None, root)
            for number, root in enumerate(chain.roots)
        ],
        "roles": roles_of(chain.newest),
        "revoked": list(chain.newest.revoked),
        "configured": held,
        "warnings": warnings(chain.newest, held, now),
    }
    echo_json(document) if as_json else _tell(document)


def warnings(root: Root, held: dict[str, list[dict[str, Any]]], now: datetime) -> list[str]:
    """What a person should do something about, a sentence each."""
    found = []
    left = root.expires - now
    if left <= timedelta(0):
        found.append(f"Root {root.version} expired on {instant(root.expires)}: nodes take nothing new.")
    elif left <= RENEW_BEFORE:
        found.append(
            f"Root {root.version} expires in {left.days} days, on {instant(root.expires)}. "
            "Renew it: sentinelctl keys rotate --publish"
        )
    found += [
        f"{key['uri']} is {key['id'][:16]}, which may not sign for '{role}' ({key['state']})."
        for role, keys in held.items()
        for key in keys
        if key["state"] in ("replaced", "revoked", "unknown")
    ]
    return found


def _root(old: Root | None, root: Root) -> dict[str, Any]:
    return {
        "version": root.version,
        "epoch": root.epoch,
        "expires": instant(root.expires),
        "changes": list(differences(old, root)),
    }


def _held(held: Any, role: str, chain: Chain) -> dict[str, Any]:
    if held.problem is not None:
        return {"uri": held.uri, "id": None, "state": "absent", "code": held.problem.code}
    if held.keyid in chain.newest.roles[role].keyids:
        state = "signs"
    elif held.keyid in chain.newest.revoked:
        state = "revoked"
    else:
        state = "replaced" if held.keyid in chain.former(role) else "unknown"
    return {"uri": held.uri, "id": held.keyid, "state": state, "code": None}


def _tell(document: dict[str, Any]) -> None:
    newest = document["roots"][-1]
    click.echo(f"Organization '{document['organization']}'")
    for root in document["roots"]:
        click.echo(f"Root {root['version']}, epoch {root['epoch']}, expires {root['expires']}")
        for sentence in root["changes"]:
            click.echo(f"  {sentence}")
    click.echo(f"Root {newest['version']} holds:")
    tell_roles(document["roles"])
    for gone in document["revoked"]:
        click.echo(f"  revoked  {gone}")
    click.echo("Configured keys, as this process finds them:")
    for role, keys in document["configured"].items():
        for key in keys:
            words = f"{key['state']}  {key['id']}" if key["id"] else f"not here ({key['code']})"
            click.echo(f"  {role:<8} {key['uri']}  {words}")
    for warning in document["warnings"]:
        click.echo(f"WARNING: {warning}")
