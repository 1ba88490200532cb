"""The options that several verbs of `keys` have, and the reading of their values."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import click

from reconciler import clock
from reconciler.bundle.dsse import keyid
from reconciler.bundle.root import ROLES, Root
from reconciler.errors import Stalled
from reconciler.keys.public import read_public

FILE = click.Path(path_type=Path, dir_okay=False)

organization_option = click.option(
    "--organization", metavar="SLUG", help="Default: the only one in control-plane.kdl."
)
json_option = click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
yes_option = click.option("--yes", is_flag=True, help="Sign without asking.")
days_option = click.option(
    "--days", type=click.IntRange(1, 3660), default=365, show_default=True, help="How long the root is valid."
)


PROPOSING = (
    organization_option,
    click.option(
        "--epoch/--same-epoch",
        "raise_epoch",
        default=False,
        help="Raise the epoch, so that nodes take any sequence again: for a stolen pointer key, or after a restore.",
    ),
    days_option,
    click.option("--from", "base", type=FILE, help="The newest root, as a file. Default: the published one."),
    click.option("--out", type=FILE, help="Where to write it. Default: root-N.json here."),
    click.option(
        "--key", "keys", multiple=True, metavar="URI", help="Sign with this root key too. Repeatable."
    ),
    click.option(
        "--publish",
        is_flag=True,
        help="Sign with the root keys that control-plane.kdl names and that are here, and publish if that is enough.",
    ),
    yes_option,
    json_option,
)


def proposing(function: Callable[..., None]) -> Callable[..., None]:
    """The options of verbs that propose the next root."""
    for option in reversed(PROPOSING):
        function = option(function)
    return function


def expiry(days: int) -> datetime:
    """The moment so many days from now, in whole seconds."""
    return (clock.now() + timedelta(days=days)).replace(microsecond=0)


def read_pairs(parameter: str, values: tuple[str, ...]) -> list[tuple[str, str]]:
    """`ROLE=VALUE` arguments. Raises click's usage error."""
    pairs = []
    for value in values:
        role, equals, rest = value.partition("=")
        if not equals or role not in ROLES:
            raise click.BadParameter(
                f"write ROLE=VALUE with a role of {', '.join(ROLES)}", param_hint=parameter
            )
        pairs.append((role, rest))
    return pairs


def read_thresholds(values: tuple[str, ...]) -> dict[str, int]:
    """`ROLE=N` arguments. Raises click's usage error."""
    found = {}
    for role, number in read_pairs("--threshold", values):
        if not number.isdecimal() or not 1 <= int(number) <= 64:
            raise click.BadParameter("write ROLE=N with N from 1 to 64", param_hint="--threshold")
        found[role] = int(number)
    return found


def find_keyid(root: Root, text: str, *, folder: Path, environ: Any) -> str:
    """The id of a key of `root` that `text` names: the beginning of its id, or a KEY. Raises `Stalled` E-KEY-018."""
    if len(text) >= 8 and all(character in "0123456789abcdef" for character in text):
        found = [name for name in root.keys if name.startswith(text)]
        if len(found) == 1:
            return found[0]
        words = "no key" if not found else f"{len(found)} keys"
        raise Stalled(
            "E-KEY-018",
            f"root {root.version} has {words} whose id begins with {text[:16]}",
            cure="See `sentinelctl keys show`",
        )
    name = keyid(read_public(text, folder=folder, environ=environ))
    if name not in root.keys:
        raise Stalled(
            "E-KEY-018",
            f"root {root.version} has no key {name[:16]}",
            cure="See `sentinelctl keys show`",
        )
    return name
