"""`sentinelctl certificate list`: names, ends, and what uses them."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path
from typing import Any

import click

from reconciler import clock
from reconciler.cli.certificate_verbs.sound import sound_snapshot
from reconciler.cli.working_clone import WorkingClone
from reconciler.compile.carried import chains
from reconciler.compile.expiry import days_left
from reconciler.config.pem import certificates
from reconciler.config.snapshot import Snapshot


@click.command("list")
@click.option("--environment", metavar="NAME", help="The certificates of this environment alone.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object a line.")
@click.option(
    "--path",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    default=".",
    help="The project's folder in a clone. Default: the current folder.",
)
def command(environment: str | None, as_json: bool, path: Path) -> None:
    """List certificates by environment: names, issuer, end, version of the key, and what uses them."""
    for row in rows(sound_snapshot(WorkingClone(path).preview()), now=clock.now()):
        if environment in (None, row["environment"]):
            click.echo(json.dumps(row) if as_json else _line(row))


def rows(snapshot: Snapshot, *, now: datetime) -> list[dict[str, Any]]:
    """One for each certificate and environment; those that are to be ordered have no facts."""
    found = []
    for environment in snapshot.environments:
        rendering = snapshot.rendering(environment)
        used = {one.name: one for one in chains(rendering).certificates}
        for resource, data in rendering.of("certificate"):
            row: dict[str, Any] = {"name": resource.name, "environment": environment}
            if "chain" in data:
                chain = certificates(rendering.attached[data["chain"]])
                ends = min(certificate.expires for certificate in chain)
                row |= {
                    "names": list(chain[0].hosts),
                    "issuer": chain[0].issuer,
                    "ends": ends.isoformat(),
                    "days-left": days_left(ends, now),
                    "key": chain[0].key,
                    "secret": data["key"],
                    "sha256": chain[0].fingerprint,
                }
            one = used.get(resource.name)
            row["version"] = one.version if one else None
            row["used-by"] = list(one.used_by) if one else []
            found.append(row)
    return sorted(found, key=lambda row: (row.get("ends", ""), row["name"], row["environment"]))


def _line(row: dict[str, Any]) -> str:
    where = f"{row['name']:<24} {row['environment']:<14}"
    if "ends" not in row:
        return f"{where} is to be ordered, which is not automatic yet"
    version = f"v{row['version']}" if row["version"] else "unused"
    left = f"{row['days-left']} days left" if row["days-left"] >= 0 else "has ended"
    users = f"  {', '.join(row['used-by'])}" if row["used-by"] else ""
    return f"{where} {row['ends'][:10]}  {left:<16} {version:<7} {', '.join(row['names'])}  ({row['issuer']}){users}"
