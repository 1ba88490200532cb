"""Options that verbs of secrets share, and how a value gets in."""

from __future__ import annotations

import secrets
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from reconciler.bundle.sealed import LONGEST
from reconciler.errors import Stalled
from reconciler.flows.founding import write_private

clone_options: tuple[Callable[[Any], Any], ...] = (
    click.option(
        "--path",
        type=click.Path(path_type=Path, exists=True, file_okay=False),
        default=".",
        help="The project's folder in a clone. Default: the current folder.",
    ),
    click.option("--no-commit", is_flag=True, help="Change the files and leave committing to you."),
)
value_options: tuple[Callable[[Any], Any], ...] = (
    click.option(
        "--environment",
        "environments",
        multiple=True,
        required=True,
        metavar="NAME",
        help="The environment to seal it for; may be repeated.",
    ),
    click.option(
        "--from-file",
        type=click.Path(path_type=Path, exists=True, dir_okay=False),
        help="Read the value from this file, byte for byte. Default: standard input, without a line break at its end.",
    ),
    click.option(
        "--generate",
        type=click.IntRange(16, 4096),
        metavar="BYTES",
        help="Make a value of so many random bytes, written in base64url.",
    ),
    click.option(
        "--out",
        type=click.Path(path_type=Path, dir_okay=False),
        help="Write the value that --generate made into this new file, for whoever else needs it (mode 0600).",
    ),
    click.option(
        "--version",
        "version",
        type=click.IntRange(1),
        help="Its version. Default: one more than the version that stands there.",
    ),
)


def with_options(*options: Callable[[Any], Any]) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Give a verb these options, in this order."""

    def decorate(function: Callable[..., None]) -> Callable[..., None]:
        for option in reversed(options):
            function = option(function)
        return function

    return decorate


def take_value(from_file: Path | None, generate: int | None, out: Path | None) -> bytes:
    """The value to seal. Raises `Stalled` (E-SEC-013) when it is empty or too long, and a usage error for a mixture."""
    if from_file is not None and generate is not None:
        raise click.UsageError("Give --from-file or --generate, not both.")
    if out is not None and generate is None:
        raise click.UsageError("--out is for the value that --generate makes.")
    if generate is not None:
        value = secrets.token_urlsafe(generate).encode()
        if out is not None:
            try:
                write_private(out, value.decode())
            except FileExistsError:
                raise click.UsageError(f"There is a file {out} already.") from None
    elif from_file is not None:
        with from_file.open("rb") as file:
            value = file.read(LONGEST + 1)
    elif sys.stdin.isatty():
        value = click.prompt("Value", hide_input=True, confirmation_prompt=True).encode()
    else:
        value = sys.stdin.buffer.read(LONGEST + 2)
        value = value.removesuffix(b"\n").removesuffix(b"\r")
    if not 0 < len(value) <= LONGEST:
        raise Stalled(
            "E-SEC-013",
            f"the value has {'no byte' if not value else f'more than {LONGEST} bytes'}",
            cure=f"A value has 1 to {LONGEST} bytes; pipe it in, or give --from-file",
        )
    return value
