"""`sentinelctl backup`: write what neither git nor the object store has into one file."""

from __future__ import annotations

import json
import os
import re

import click

from reconciler import clock
from reconciler.bundle.sealed import key_id
from reconciler.cli.backup_verbs.files import writing_to
from reconciler.cli.person_verbs.recording import here
from reconciler.db.audit import Act, record
from reconciler.db.session import connect, writing
from reconciler.errors import Stalled
from reconciler.flows.backup.making import Source, make
from reconciler.flows.context import load_installation
from reconciler.settings import read_settings
from reconciler.store.choose import open_store

PUBLIC = re.compile(r"[0-9a-f]{64}")


@click.command()
@click.option(
    "--out",
    "place",
    required=True,
    metavar="FILE|s3://BUCKET/KEY",
    help="Where to write it. Nothing is overwritten.",
)
@click.option(
    "--to", "recipient", metavar="KEY",
    help="Seal it for this public key (64 hex digits, as `sentinelctl secret keygen` prints them).",
)  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def command(place: str, recipient: str | None, as_json: bool) -> None:
    """Write people, hashes of keys and tokens, registrations of nodes, the audit log and control-plane.kdl into one
    file that can be restored into SQLite and PostgreSQL alike. The control plane may be running.

    Not in it: private keys and secrets, which are not in the database; sessions; what git and the object store have.
    Keep the printed digest apart from the file: it names what to restore.
    """
    settings = read_settings(os.environ)
    public = _public(recipient)
    connect(settings)
    source = Source(settings.config_file.read_bytes(), load_installation(settings), open_store(settings))
    now = clock.now()
    with writing_to(settings, place) as file:
        manifest = make(source, file, recipient=public, now=now, progress=_progress)
    rows = {name: found["rows"] for name, found in manifest["tables"].items()}
    details = {
        "sha256": manifest["sha256"],
        "rows": sum(rows.values()),
        "sealed_for": key_id(public) if public else "",
    }
    with writing():
        for organization in source.installation.organizations:
            record(here(), Act("backup.made", organization.slug, details=details), now=now)
    if as_json:
        click.echo(
            json.dumps({"out": place, "made_at": clock.iso(now), "sealed": public is not None, "rows": rows,
                        "digest": f"sha256:{manifest['sha256']}"}, indent=2)
        )  # fmt: skip
        return
    for name, count in rows.items():
        click.echo(f"{count:>9}  {name}")
    sealed = f", sealed for the key {key_id(public)}" if public else ""
    click.echo(f"{place} is written{sealed}; its digest is sha256:{manifest['sha256']}")
    if public is None:
        click.echo(
            "It holds hashes of passwords and tokens: keep it as you keep the database, or use --to.",
            err=True,
        )


def _public(text: str | None) -> bytes | None:
    if text is None:
        return None
    if PUBLIC.fullmatch(text) is None:
        # What was given may be a private key that somebody pasted, and no message repeats it.
        raise Stalled(
            "E-BAK-109",
            "the recipient is not a public key of 64 hex digits",
            cure="Make one with `sentinelctl secret keygen --out FILE`, and give what it prints after `sealing-key`",
        )
    return bytes.fromhex(text)


def _progress(rows: int) -> None:
    click.echo(f"{rows} rows", err=True)
