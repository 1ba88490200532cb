"""`sentinelctl secret rewrap`: wrap an environment's data keys for its new sealing key."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import click

from reconciler.bundle.sealed import key_id
from reconciler.cli.secret_verbs.options import clone_options, with_options
from reconciler.cli.secret_verbs.standing import public_key, standing
from reconciler.cli.working_clone import WorkingClone
from reconciler.config.kdl import KdlNode
from reconciler.config.report import Problem
from reconciler.config.sealing import SEALING_KEY
from reconciler.errors import Stalled
from reconciler.keys.sealing import rewrap
from reconciler.keys.uri import load_sealing_key


@click.command("rewrap")
@click.option("--environment", required=True, metavar="NAME", help="The environment whose key is replaced.")
@click.option(
    "--old-key",
    required=True,
    metavar="URI",
    help="Where the old private key is: file:PATH, from the current folder on, or env:NAME.",
)
@click.option(
    "--new-key",
    metavar="HEX",
    help="The new public key, which is written into the environment. Default: the one that stands there.",
)
@with_options(*clone_options)
def command(environment: str, old_key: str, new_key: str | None, path: Path, no_commit: bool) -> None:
    """Wrap all data keys of an environment for its new sealing key, in one commit. No value is opened.

    Values and versions stay as they are, so the bundle is the same one and no node changes. Name the new private key in
    control-plane.kdl beside the old one before this commit is pushed.
    """
    clone = WorkingClone(path)
    clone.resource("environment", environment)
    if new_key is not None:
        clone.set_child("environment", environment, KdlNode("sealing-key", (_checked(new_key),)))
    public = public_key(clone, environment)
    old = load_sealing_key(old_key, folder=Path.cwd(), environ=os.environ)
    old_id, new_id = key_id(bytes(old.public_key)), key_id(public)
    found = [one for one in standing(clone) if one.environment == environment]
    foreign = [one.name for one in found if one.sealed.key_id not in (old_id, new_id)]
    if foreign:
        raise Stalled(
            "E-SEC-017",
            f"these secrets of {environment} are sealed for neither the old key nor the new one: {', '.join(foreign)}",
            cure="Rewrap them with the key that they are sealed for first, or set them again; nothing was changed",
        )
    names = []
    for one in found:
        if one.sealed.key_id != new_id:
            sealed = replace(one.sealed, key_id=new_id, wrapped=rewrap(one.sealed.wrapped, old, public))
            line = KdlNode("sealed", (environment, sealed.text()))
            clone.set_child("secret", one.name, line, keyed=True)
            names.append(one.name)
    if not names:
        raise Stalled(
            "E-SEC-019",
            f"nothing that is sealed for {environment} is wrapped for the old key {old_id}",
            cure=f"The key of {environment} is {new_id}; see `sentinelctl secret list`",
        )
    done = clone.save(
        f"Rewrap the secrets of {environment} for the key {new_id}",
        commit=not no_commit,
        with_files=[clone.path_of("environment", environment)],
    )
    click.echo(f"rewrapped {', '.join(names)} for the key {new_id}; {done}")


def _checked(text: str) -> str:
    found = SEALING_KEY.read(text)
    if isinstance(found, Problem):
        raise click.UsageError(f"--new-key takes {SEALING_KEY.expected}.")
    return str(found)
