"""Options that verbs of certificates share."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

pair_options: tuple[Callable[[Any], Any], ...] = (
    click.option(
        "--cert",
        type=click.Path(path_type=Path, exists=True, dir_okay=False),
        required=True,
        help="The certificate, then each of its issuers; the root may be left out. PEM.",
    ),
)


def note_about_key(key: Path, folder: Path) -> None:
    """Say so when the key lies where the next commit may take it along."""
    if key.resolve().is_relative_to(folder.resolve()):
        click.echo(
            f"{key} lies in the clone: keep it out of every commit, and remove it from there", err=True
        )
