"""`sentinelctl init`: make a server configuration with new keys, and a config repository to begin with."""

from __future__ import annotations

import os
import secrets
from collections.abc import Mapping
from pathlib import Path

import click

from reconciler import clock
from reconciler.embedded.bootstrap import ENVIRONMENTS
from reconciler.embedded.template import template_files
from reconciler.flows.founding import (
    configuration,
    found_root,
    write_keys,
    write_private,
    write_sealing_keys,
)
from reconciler.flows.founding_repository import founded

PASSWORDS = ("POSTGRES_PASSWORD", "VALKEY_PASSWORD", "MINIO_PASSWORD")


@click.command()
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False))
@click.option("--organization", required=True, help="Slug: lower-case letters, digits and hyphens.")
@click.option("--project", required=True, help="Slug of the first project.")
@click.option("--repository", required=True, help="URL of its config repository.")
@click.option("--trunk", default="main", show_default=True)
@click.option("--connection", default="origin", show_default=True, help="Slug of the forge connection.")
@click.option(
    "--environment",
    "environments",
    multiple=True,
    default=ENVIRONMENTS,
    show_default=True,
    help="An environment to make a sealing key for; may be repeated.",
)
@click.option(
    "--start",
    type=click.Path(path_type=Path, file_okay=False),
    help="Write a config repository to begin with into this new folder: the template, with secrets made anew.",
)
def command(
    folder: Path,
    organization: str,
    project: str,
    repository: str,
    trunk: str,
    connection: str,
    environments: tuple[str, ...],
    start: Path | None,
) -> None:
    """Write FOLDER/control-plane.kdl with new keys, root 1, a webhook secret and, beside FOLDER, .env.

    The .env has the passwords for docker compose. What exists is kept: running it again changes nothing.
    """
    content = configuration(organization, project, repository, trunk, connection, environments)
    if start is not None and start.exists() and any(start.iterdir()):
        raise click.UsageError(f"There are files in {start} already.")
    write_keys(folder)
    public_keys = write_sealing_keys(folder, project, environments)
    target = folder / "control-plane.kdl"
    made = [str(folder / "keys")]
    if not target.exists():
        target.write_bytes(content)
        made.append(str(target))
    root = folder / "root-1.json"
    if not root.exists():
        root.write_bytes(found_root(organization, folder, clock.now()) + b"\n")
        made.append(str(root))
    passwords = folder.absolute().parent / ".env"
    if not passwords.exists():
        owner = f"SENTINEL_USER={os.getuid()}:{os.getgid()}\n"
        write_private(
            passwords, owner + "".join(f"{name}={secrets.token_urlsafe(24)}\n" for name in PASSWORDS)
        )
        made.append(str(passwords))
    if start is not None:
        _start(start, project, public_keys)
        made.append(str(start))
    click.echo(f"Made: {', '.join(made)}")
    click.echo(f"Publish the root where the object store is: sentinelctl keys publish {root}")
    click.echo(f"Then take {folder}/keys/root off this machine; docs/keys.md says what for.")
    if start is None:
        click.echo("Write each environment's public key into the repository:")
        for environment, key in public_keys.items():
            click.echo(f'  environment "{environment}": sealing-key "{key.hex()}"')
    for line in _lacking(target.read_bytes(), content):
        click.echo(f"{target} was there before and lacks this line: {line}")
    click.echo(
        f"Add a webhook for pushes: https://<host>/webhooks/github/{connection}, secret in {folder}/keys/webhook.secret"
    )


def _lacking(present: bytes, wanted: bytes) -> list[str]:
    """The lines about sealing keys that a server configuration should have and does not."""
    have = {line.strip() for line in present.decode(errors="replace").splitlines()}
    lines = [line.strip() for line in wanted.decode().splitlines()]
    return [line for line in lines if line.startswith("sealing-key ") and line not in have]


def _start(folder: Path, project: str, public_keys: Mapping[str, bytes]) -> None:
    for path, content in founded(template_files(), project, public_keys, today=clock.now().date()).items():
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)
