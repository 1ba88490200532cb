"""`sentinelctl keys revoke`: propose a root under which a key counts no more."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from reconciler.bundle.root import Root
from reconciler.bundle.succession import Change
from reconciler.cli.keys.options import find_keyid, proposing, read_pairs, read_thresholds
from reconciler.cli.keys.proposing import Asked, propose
from reconciler.keys.public import read_public


@click.command()
@click.argument("gone", metavar="KEYID...", nargs=-1, required=True)
@click.option(
    "--add", multiple=True, metavar="ROLE=KEY", help="Give another key a role in the same root. Repeatable."
)
@click.option(
    "--threshold", multiple=True, metavar="ROLE=N", help="How many keys of a role have to sign. Repeatable."
)
@proposing
def command(gone: tuple[str, ...], add: tuple[str, ...], threshold: tuple[str, ...], **asked: Any) -> None:
    """Write the next root as a file, without the keys KEYID in any role. What they alone signed counts no more.

    Nodes keep what they run. For a pointer key that was used by a thief, add --epoch. A revoked key never comes back.
    """
    here, environ = Path.cwd(), os.environ
    added: dict[str, tuple[bytes, ...]] = {}
    for role, key in read_pairs("--add", add):
        added[role] = (*added.get(role, ()), read_public(key, folder=here, environ=environ))
    thresholds = read_thresholds(threshold)

    def change_of(old: Root, change: Change) -> Change:
        revoked = tuple(find_keyid(old, key, folder=here, environ=environ) for key in gone)
        return replace(change, add=added, revoke=revoked, thresholds=thresholds)

    propose(Asked(**asked), change_of)
