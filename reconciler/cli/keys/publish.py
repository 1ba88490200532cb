"""`sentinelctl keys publish`: publish a root that is signed by enough people."""

from __future__ import annotations

from pathlib import Path

import click

from reconciler import clock
from reconciler.bundle.root import Root
from reconciler.cli.keys.files import echo_json, read_file
from reconciler.cli.keys.installed import Installed, open_installed
from reconciler.cli.keys.options import FILE, json_option, organization_option
from reconciler.flows.roots import publish_root


@click.command()
@click.argument("file", type=FILE)
@organization_option
@json_option
def command(file: Path, organization: str | None, as_json: bool) -> None:
    """Put the root in FILE into the object store, once enough old and new root keys have signed it.

    The control plane signs pointers and statements again within seconds. Publishing again changes nothing.
    """
    installed = open_installed(organization)
    root, made = publish(installed, read_file(file))
    if as_json:
        echo_json({"organization": root.organization, "version": root.version, "published": made})
    else:
        say(root, made)


def publish(installed: Installed, envelope: bytes) -> tuple[Root, bool]:
    """Publish, and whether this call did. Raises `Stalled` and `LostRace` as `publish_root`."""
    return publish_root(installed.store(), installed.organization.slug, envelope, now=clock.now())


def say(root: Root, made: bool) -> None:
    """Print how it ended."""
    words = "is published" if made else "was published already"
    click.echo(f"Root {root.version} of '{root.organization}' {words}.")
