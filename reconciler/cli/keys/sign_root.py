"""`sentinelctl keys sign-root`: read what a root changes, and sign it. Needs neither network nor installation."""

from __future__ import annotations

from pathlib import Path

import click

from reconciler.bundle.succession import read_proposal
from reconciler.cli.keys.files import (
    add_signatures,
    describe,
    echo_json,
    find_previous,
    read_file,
    tell,
    tell_signatures,
    write_file,
)
from reconciler.cli.keys.options import FILE, json_option, yes_option


@click.command()
@click.argument("file", type=FILE)
@click.option(
    "--key", "keys", required=True, multiple=True, metavar="URI", help="file:PATH or env:NAME. Repeatable."
)
@click.option(
    "--previous", type=FILE, help="Your copy of the root before. Default: root-<N-1>.json beside FILE."
)
@yes_option
@json_option
def command(file: Path, keys: tuple[str, ...], previous: Path | None, yes: bool, as_json: bool) -> None:
    """Print what the root in FILE changes, ask, and add your signature to FILE. Hand FILE on, or back.

    Signing again changes nothing. Compare the key ids with what their holders told you.
    """
    envelope = read_file(file)
    new = read_proposal(envelope, None)
    old = find_previous(file, new, previous)
    if not as_json:
        tell(describe(envelope, old, new))
    signed = add_signatures(envelope, old, new, keys)
    if not yes:
        click.confirm(f"Sign root {new.version} of '{new.organization}'?", abort=True, err=as_json)
    write_file(file, signed)
    found = describe(signed, old, new)
    if as_json:
        echo_json({"file": str(file), **found})
        return
    tell_signatures(found)
    click.echo(
        f"Next: sentinelctl keys publish {file}" if found["complete"] else f"Hand {file} to the next signer."
    )
