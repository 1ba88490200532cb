"""`sentinelctl audit verify`: hold every row against the log, the chain and the seals."""

from __future__ import annotations

import json

import click

from reconciler.cli.log_verbs.opening import open_organization
from reconciler.flows.audit.checking import check_audit
from reconciler.flows.log.checking import check_log


@click.command()
@click.option("--organization", metavar="SLUG", help="Default: the only one there is.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def verify(organization: str | None, as_json: bool) -> None:
    """Check that every row of the audit log is as it was entered, in its place, sealed, and that none is missing; and
    that the log they were entered in is whole. A row that is not is named.

    What nobody can check from here is whether the log is the one that others saw: `sentinelctl log verify --clone DIR`.

    Exit code 0 when everything holds, 1 when something does not.
    """
    context, projects = open_organization(organization)
    _, of_log = check_log(context, projects, [], lambda count: click.echo(f"read {count} entries", err=True))
    checks = [(f"log {check.what}", check) for check in of_log]
    found = check_audit(context, lambda count: click.echo(f"checked {count} rows", err=True))
    checks += [(check.what, check) for check in found]
    good = all(check.ok for _, check in checks)
    if as_json:
        items = [{"check": what, "ok": check.ok, "message": check.words} for what, check in checks]
        click.echo(json.dumps({"ok": good, "checks": items}, indent=2))
    else:
        for what, check in checks:
            click.echo(f"{'pass' if check.ok else 'FAIL'}  {what}: {check.words}")
        click.echo("The audit log holds." if good else "The audit log does NOT hold.")
    if not good:
        raise SystemExit(1)
