"""`sentinelctl restore`: put a backup into an empty database."""

from __future__ import annotations

import json
import os

import click

from reconciler import clock
from reconciler.cli.backup_verbs.files import reading_from
from reconciler.cli.person_verbs.recording import here
from reconciler.db.migrate import migrate
from reconciler.db.session import connect
from reconciler.flows.backup.restoring import Backup, check, read_backup, restore
from reconciler.flows.founding import write_private
from reconciler.flows.log.checking import Check
from reconciler.keys.uri import load_sealing_key
from reconciler.settings import Settings, read_settings
from reconciler.store.choose import open_store

LOG_CHECKS = (" log", " roots")


@click.command()
@click.argument("place", metavar="FILE|s3://BUCKET/KEY")
@click.option("--key", metavar="URI", help="The private key of a sealed backup: file:PATH or env:NAME.")
@click.option("--expect", metavar="DIGEST", help="Refuse any other backup than the one of this digest.")
@click.option(
    "--log-lost", is_flag=True, help="Restore although the object store has lost roots or log for good."
)
@click.option("--dry-run", is_flag=True, help="Check everything and write nothing.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def command(
    place: str, key: str | None, expect: str | None, log_lost: bool, dry_run: bool, as_json: bool
) -> None:
    """Put a backup into the empty database of DATABASE_URL, in one transaction, after all of it was checked. Run it
    before any process of the control plane has used that database, then raise the epoch and run `sentinelctl rebuild`.

    control-plane.kdl is written where there is none, and otherwise left as it is.

    Exit code 0 when it is restored (or could be), 1 when it is not.
    """
    settings = read_settings(os.environ)
    private = (
        None if key is None else load_sealing_key(key, folder=settings.config_file.parent, environ=os.environ)
    )
    migrate(settings)
    connect(settings)
    now = clock.now()
    with reading_from(settings, place) as file:
        backup = read_backup(file, private, lambda line: click.echo(f"read {line} lines", err=True))
        checks = check(backup, open_store(settings), expected=expect, now=now)
        bad = [c for c in checks if not c.ok and not (log_lost and c.what.endswith(LOG_CHECKS))]
        written = not bad and not dry_run
        # First what can be there already when this is run again: a database that has rows is not restored into.
        configured = written and _configure(settings, backup)
        if written:
            restore(backup, file, private, by=here(), now=now)
    if as_json:
        click.echo(json.dumps(_document(backup, checks, written, configured), indent=2))
    else:
        _say(settings, backup, checks, written=written, bad=bool(bad), configured=configured)
    if bad:
        raise SystemExit(1)


def _configure(settings: Settings, backup: Backup) -> bool:
    settings.config_file.parent.mkdir(parents=True, exist_ok=True)
    try:
        write_private(settings.config_file, backup.configuration.decode())
    except FileExistsError:
        return False
    return True


def _document(backup: Backup, checks: list[Check], written: bool, configured: bool) -> dict[str, object]:
    return {
        "restored": written,
        "configuration_written": configured,
        "made_at": clock.iso(backup.made_at),
        "digest": f"sha256:{backup.sha256}",
        "rows": dict(backup.rows),
        "epochs": {state.slug: state.epoch for state in backup.organizations},
        "checks": [{"check": c.what, "ok": c.ok, "message": c.words} for c in checks],
    }


def _say(
    settings: Settings, backup: Backup, checks: list[Check], *, written: bool, bad: bool, configured: bool
) -> None:
    click.echo(f"a backup of {clock.iso(backup.made_at)}, sha256:{backup.sha256}")
    for found in checks:
        click.echo(f"{'pass' if found.ok else 'FAIL'}  {found.what}: {found.words}")
    if not written:
        click.echo("Nothing is restored." if bad else "It can be restored here; nothing is written.")
        return
    for name, count in backup.rows.items():
        click.echo(f"{count:>9}  {name}")
    if configured:
        click.echo(f"{settings.config_file} is written: put the keys in their places that it names")
    click.echo(
        "It is restored. What was revoked or disabled since then is not; docs/backup.md says how to find it."
    )
    for state in backup.organizations:
        click.echo(
            f"Next: `sentinelctl keys rotate --organization {state.slug} --epoch --publish`: nodes take nothing new "
            f"under epoch {state.epoch}"
        )
    click.echo("Then: `sentinelctl rebuild`, and start the control plane")
