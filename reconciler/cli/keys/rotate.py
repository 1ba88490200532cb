"""`sentinelctl keys rotate`: propose the next root."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from reconciler.bundle.root import ROLES, Root
from reconciler.bundle.succession import Change
from reconciler.cli.keys.options import find_keyid, proposing
from reconciler.cli.keys.proposing import Asked, propose
from reconciler.keys.public import read_public


@click.command()
@click.option(
    "--role", type=click.Choice(ROLES), help="The role that --add, --remove and --threshold are about."
)
@click.option("--add", multiple=True, metavar="KEY", help="Give this key the role. Repeatable.")
@click.option("--remove", multiple=True, metavar="KEYID", help="Take the role from this key. Repeatable.")
@click.option("--threshold", type=click.IntRange(1, 64), help="How many keys of the role have to sign.")
@proposing
def command(
    role: str | None, add: tuple[str, ...], remove: tuple[str, ...], threshold: int | None, **asked: Any
) -> None:
    """Write the next root as a file: with other keys, or, without --role, the same with a later expiry.

    What a removed key signed still counts until it is signed again; a stolen key is revoked: `sentinelctl keys revoke`.
    Renewing the root: `sentinelctl keys rotate --publish`.
    """
    if role is None and (add or remove or threshold):
        raise click.UsageError("Name the role: --role")
    here, environ = Path.cwd(), os.environ

    def change_of(old: Root, change: Change) -> Change:
        if role is None:
            return change
        return replace(
            change,
            add={role: tuple(read_public(key, folder=here, environ=environ) for key in add)},
            remove={role: tuple(find_keyid(old, key, folder=here, environ=environ) for key in remove)},
            thresholds={role: threshold} if threshold is not None else {},
        )

    propose(Asked(**asked), change_of)
