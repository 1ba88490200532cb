"""`sentinelctl keys new`: make one signing key on this machine."""

from __future__ import annotations

import os
from pathlib import Path

import click

from reconciler.bundle.dsse import keyid
from reconciler.cli.keys.files import echo_json
from reconciler.cli.keys.options import json_option
from reconciler.keys.public import public_line
from reconciler.keys.uri import create_key, load_key


@click.command()
@click.argument("path", type=click.Path(path_type=Path, dir_okay=False))
@json_option
def command(path: Path, as_json: bool) -> None:
    """Make a new signing key at PATH, readable by you alone, and print its public half, which anybody may have.

    Whoever prepares a root needs the printed line and nothing else. A key that exists is never overwritten.
    """
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    create_key(path)
    public = bytes(load_key(f"file:{path}", folder=Path.cwd(), environ=os.environ).verify_key)
    if as_json:
        echo_json({"file": str(path), "id": keyid(public), "public": public_line(public)})
        return
    click.echo(public_line(public))
    click.echo(f"Made {path}, key id {keyid(public)}. Keep a copy where nobody else reads it.", err=True)
