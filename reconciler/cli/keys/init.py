"""`sentinelctl keys init`: make the keys that are missing, and the file of root 1."""

from __future__ import annotations

import os
from pathlib import Path

import click

from reconciler.bundle.root import ROLES, unsigned_root
from reconciler.bundle.succession import first_root, read_proposal
from reconciler.cli.keys.files import (
    add_signatures,
    describe,
    echo_json,
    keep_file,
    tell,
    tell_signatures,
    write_file,
)
from reconciler.cli.keys.installed import Installed, open_installed
from reconciler.cli.keys.options import (
    FILE,
    days_option,
    expiry,
    json_option,
    organization_option,
    read_thresholds,
    yes_option,
)
from reconciler.errors import Stalled
from reconciler.flows.founding import make_missing
from reconciler.keys.public import read_public


@click.command()
@organization_option
@click.option("--root", "root_keys", multiple=True, metavar="KEY", help="A root key of somebody. Repeatable.")
@click.option("--bundle", "bundle_keys", multiple=True, metavar="KEY", help="A bundle key. Repeatable.")
@click.option("--pointer", "pointer_keys", multiple=True, metavar="KEY", help="A pointer key. Repeatable.")
@click.option("--commit", "commit_keys", multiple=True, metavar="KEY", help="A commit key. Repeatable.")
@click.option(
    "--threshold", multiple=True, metavar="ROLE=N", help="How many keys have to sign; default 1. Repeatable."
)
@days_option
@click.option("--out", type=FILE, help="Where to write it. Default: root-1.json beside control-plane.kdl.")
@yes_option
@json_option
def command(
    organization: str | None,
    root_keys: tuple[str, ...],
    bundle_keys: tuple[str, ...],
    pointer_keys: tuple[str, ...],
    commit_keys: tuple[str, ...],
    threshold: tuple[str, ...],
    days: int,
    out: Path | None,
    yes: bool,
    as_json: bool,
) -> None:
    """Write root 1 of an organization, signed by the root keys that are here.

    A role for which no KEY is given has the keys that control-plane.kdl names; of those, files that do not exist are
    made. Give --root once for each person who holds a root key, and --threshold root=2 when two of them have to agree.
    Running it again keeps what is there.
    """
    installed = open_installed(organization)
    given = {"root": root_keys, "bundle": bundle_keys, "pointer": pointer_keys, "commit": commit_keys}
    publics = {role: _publics(installed, role, given[role]) for role in ROLES}
    root = first_root(
        installed.organization.slug, publics, expires=expiry(days), thresholds=read_thresholds(threshold)
    )
    path = out if out is not None else installed.folder / "root-1.json"
    envelope = keep_file(path, unsigned_root(root))
    root = read_proposal(envelope, installed.organization.slug)
    if not as_json:
        tell(describe(envelope, None, root))
    mine = [
        held.uri
        for held in installed.held("root")
        if held.key is not None and held.keyid in root.roles["root"].keyids
    ]
    if mine:
        if not yes:
            click.confirm(f"Sign root 1 of '{root.organization}'?", abort=True, err=as_json)
        envelope = add_signatures(envelope, None, root, mine, folder=installed.folder)
        write_file(path, envelope)
    found = describe(envelope, None, root)
    if as_json:
        echo_json({"file": str(path), **found})
        return
    tell_signatures(found)
    if found["complete"]:
        click.echo(f"Next: sentinelctl keys publish {path}")
    else:
        click.echo(f"Next: send {path} to those who sign: sentinelctl keys sign-root {path} --key URI")


def _publics(installed: Installed, role: str, given: tuple[str, ...]) -> list[bytes]:
    if given:
        return [read_public(key, folder=Path.cwd(), environ=os.environ) for key in given]
    uris = installed.organization.keys.of(role)
    if not uris:
        raise Stalled(
            "E-KEY-011",
            f"control-plane.kdl names no {role} key, and none is given",
            cure=f"Give --{role} with the public key of everybody who holds one",
        )
    make_missing(uris, installed.folder)
    held = installed.held(role)
    for found in held:
        if found.problem is not None:
            raise found.problem
    return [bytes(found.key.verify_key) for found in held if found.key is not None]
