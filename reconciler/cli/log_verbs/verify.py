"""`sentinelctl log verify`: hold the log against what was seen of it, or one proof against a root."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from reconciler import clock
from reconciler.bundle.leaves import describe
from reconciler.bundle.proof import check_proof
from reconciler.cli.log_verbs.given import read_clone, read_given
from reconciler.cli.log_verbs.opening import open_organization
from reconciler.errors import Refused
from reconciler.flows.log.checking import Check, check_log
from reconciler.flows.log.watching import Sighting, raise_alarm

FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.command()
@click.argument("seen", nargs=-1, metavar="[CHECKPOINT]...")
@click.option(
    "--clone",
    "clones",
    multiple=True,
    metavar="DIR",
    help="Take the checkpoints in the trailers of a clone's environment branches.",
)
@click.option("--organization", metavar="SLUG", help="Default: the only one there is.")
@click.option("--proof", type=FILE, help="Check one proof instead, offline; needs --root.")
@click.option("--root", type=FILE, help="The root that you believe in, for --proof.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def verify(
    seen: tuple[str, ...],
    clones: tuple[str, ...],
    organization: str | None,
    proof: Path | None,
    root: Path | None,
    as_json: bool,
) -> None:
    """Read the whole log and check it: every entry, every tile, what was signed, and that each published statement and
    pointer is an entry. The log has to begin with each CHECKPOINT too: a file (a signed checkpoint, a pointer, a node's
    state.json, lines with 'Log:') or the text of one. One that it does not begin with becomes an alarm.

    With --proof nothing but the proof and the root is read.

    Exit code 0 when everything holds, 1 when something does not, 2 for wrong usage.
    """
    if (proof is None) != (root is None) or (proof is not None and (seen or clones or organization)):
        raise click.UsageError("--proof and --root go together, and with nothing else but --json.")
    if proof is not None and root is not None:
        _verify_proof(proof.read_bytes(), root.read_bytes().strip(), as_json=as_json)
        return
    given = [found for text in seen for found in read_given(text)]
    given += [found for folder in clones for found in read_clone(folder)]
    context, projects = open_organization(organization)
    ours, checks = check_log(context, projects, given, _progress)
    for check in checks:
        if check.given is not None and not check.ok:
            where = check.given.where[-127:]
            sighting = Sighting("clone", where, where, str(check.given.checkpoint))
            raise_alarm(context.organization.slug, "", sighting, str(ours), check.words, now=clock.now())
    good = all(check.ok for check in checks)
    if as_json:
        document = {"ok": good, "log": str(ours), "checks": [_json(check) for check in checks]}
        click.echo(json.dumps(document, indent=2))
    else:
        for check in checks:
            where = f" {check.given.where} ({check.given.checkpoint.size} entries)" if check.given else ""
            click.echo(f"{'pass' if check.ok else 'FAIL'}  {check.what}{where}: {check.words}")
        click.echo("The log holds." if good else "The log does NOT hold.")
    if not good:
        raise SystemExit(1)


def _verify_proof(proof: bytes, root: bytes, *, as_json: bool) -> None:
    try:
        proved = check_proof(proof, root)
    except Refused as refusal:
        if as_json:
            click.echo(json.dumps({"ok": False, "code": refusal.code, "message": refusal.message}, indent=2))
        else:
            click.echo(f"FAIL  {refusal}")
        raise SystemExit(1) from None
    entry = describe(proved.leaf)
    if as_json:
        found = {"ok": True, "entry": entry, "index": proved.index, "checkpoint": str(proved.checkpoint)}
        click.echo(json.dumps({**found, "root": proved.root.version}, indent=2))
        return
    click.echo(
        f"pass  entry {proved.index} of '{proved.checkpoint}', signed under root {proved.root.version}:"
    )
    for name, value in entry.items():
        click.echo(f"      {name}: {value}")


def _progress(count: int) -> None:
    click.echo(f"read {count} entries", err=True)


def _json(check: Check) -> dict[str, Any]:
    given: dict[str, Any] | None = None
    if check.given is not None:
        given = {"where": check.given.where, "checkpoint": str(check.given.checkpoint)}
    return {"check": check.what, "ok": check.ok, "message": check.words, "seen": given}
