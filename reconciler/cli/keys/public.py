"""`sentinelctl keys public`: print the public half of a key."""

from __future__ import annotations

import os
from pathlib import Path

import click

from reconciler.bundle.dsse import keyid
from reconciler.cli.keys.files import echo_json
from reconciler.cli.keys.options import json_option
from reconciler.git.sshsig import public_line as ssh_line
from reconciler.keys.public import public_line, read_public


@click.command()
@click.argument("key")
@click.option("--ssh", is_flag=True, help="As a line for git's allowed-signers file, to check commits with.")
@json_option
def command(key: str, ssh: bool, as_json: bool) -> None:
    """Print the public half of KEY, such as file:keys/root.key, as a line that others can use as KEY."""
    public = read_public(key, folder=Path.cwd(), environ=os.environ)
    if as_json:
        echo_json({"id": keyid(public), "public": public_line(public), "ssh": ssh_line(public)})
    else:
        click.echo(ssh_line(public) if ssh else public_line(public))
