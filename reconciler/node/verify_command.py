"""`sentinel-node verify`, which is `sentinelctl verify` too: a bundle in files, held against every numbered check.

Needs the base install alone: neither the network, nor the database, nor the configuration of a control plane.
"""

from __future__ import annotations

import json
import re
from datetime import datetime
from pathlib import Path
from typing import Any

import click

from reconciler import clock
from reconciler.bundle.examine import Examination, Offered, Outcome, examine
from reconciler.bundle.fields import SLUG, instant
from reconciler.bundle.limits import LIMITS
from reconciler.bundle.pointer import COHORT
from reconciler.bundle.verify import Audience
from reconciler.node.files import NodeFiles

FILE = click.Path(path_type=Path, dir_okay=False, exists=True)
HEX = re.compile(r"[0-9a-f]{64}")
BLOB_SUFFIX = ".tar.zst"


class AudienceType(click.ParamType[Audience]):
    """`organization/project/environment/cohort`."""

    name = "ORGANIZATION/PROJECT/ENVIRONMENT/COHORT"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Audience:
        if isinstance(value, Audience):
            return value
        parts = str(value).split("/")
        if len(parts) != 4 or not all(map(SLUG.fullmatch, parts[:3])) or not COHORT.fullmatch(parts[3]):
            self.fail(f"'{value}' is not like acme/shop/production/base", param, ctx)
        return Audience(*parts)


class MomentType(click.ParamType[datetime]):
    """RFC 3339 with an offset."""

    name = "TIME"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        if isinstance(value, datetime):
            return value
        try:
            return clock.parse_iso(str(value))
        except ValueError:
            self.fail(f"'{value}' is not a time such as 2026-11-23T20:00:00Z", param, ctx)


@click.command("verify")
@click.argument("bundle", type=FILE)
@click.option(
    "--root",
    "roots",
    multiple=True,
    type=click.Path(path_type=Path, exists=True),
    help="The organization's root; several, or a folder of them, are a chain from the lowest version.",
)
@click.option("--statement", type=FILE, help="The bundle's statement. Default: looked for beside the bundle.")
@click.option("--pointer", type=FILE, help="The pointer that names the bundle; needs --audience.")
@click.option("--audience", type=AudienceType(), help="Whom the pointer has to be for.")
@click.option("--now", "moment", type=MomentType(), help="Judge expiry at this time. Default: the clock.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.pass_context
def command(
    ctx: click.Context,
    bundle: Path,
    roots: tuple[Path, ...],
    statement: Path | None,
    pointer: Path | None,
    audience: Audience | None,
    moment: datetime | None,
    as_json: bool,
) -> None:
    """Check the bundle in the file BUNDLE as a node would that never activated one, and print every check.

    Nothing is asked of the network and nothing is activated. Without --pointer the bundle is held against its
    statement: what it is and who signed it, not who should run it.

    Exit code 0 when every check passed that was not left out, 1 when one failed, 2 for wrong usage.
    """
    if (pointer is None) != (audience is None):
        raise click.UsageError("--pointer and --audience go together: a pointer is for somebody.")
    offered = Offered(
        roots=_roots(ctx, roots),
        blob=read_file(bundle, LIMITS.blob),
        statement=read_file(statement or statement_beside(bundle), LIMITS.statement),
        pointer=read_file(pointer, LIMITS.pointer) if pointer is not None else None,
        audience=audience,
    )
    found = examine(offered, now=moment or clock.now())
    if as_json:
        click.echo(json.dumps(_document(found), indent=2, ensure_ascii=False))
    else:
        _print(found)
    if not found.good:
        raise SystemExit(1)


def _roots(ctx: click.Context, paths: tuple[Path, ...]) -> tuple[bytes, ...]:
    files = [file for path in paths for file in (sorted(path.glob("*.json")) if path.is_dir() else [path])]
    if files:
        return tuple(read_file(file, LIMITS.root) for file in files)
    if paths:
        raise click.UsageError(f"There is no *.json in {paths[0]}.")
    return (_root_of_node(ctx),)


def _root_of_node(ctx: click.Context) -> bytes:
    """The root that the node beside which this runs believes; `sentinelctl` has no node."""
    home = ctx.obj["home"] if isinstance(ctx.obj, dict) else None
    try:
        state = NodeFiles(home).state() if home is not None else None
    except OSError as error:
        raise click.UsageError(f"{home} cannot be read: {error.strerror}.") from None
    if state is None:
        raise click.UsageError("There is no root to verify with: name one with --root.")
    return state.root.encode()


def statement_beside(bundle: Path) -> Path:
    """The statement of a bundle that was fetched with it: under the same name, or as the object store lays them out.

    Raises click.UsageError when there is none.
    """
    stem = bundle.name.removesuffix(BLOB_SUFFIX)
    places = [bundle.with_name(f"{stem}.json"), bundle.with_name(f"{stem}.statement.json")]
    if HEX.fullmatch(stem):
        places.append(bundle.parent.parent / "statements" / f"{stem}.json")
    for place in places:
        if place.is_file():
            return place
    looked = ", ".join(str(place) for place in places)
    raise click.UsageError(f"There is no statement of {bundle} ({looked}): name it with --statement.")


def read_file(path: Path, limit: int) -> bytes:
    """The file's content, and no more of it than shows that it is too large. Raises click.UsageError."""
    try:
        with path.open("rb") as file:
            return file.read(limit + 1)
    except OSError as error:
        raise click.UsageError(f"{path} cannot be read: {error.strerror}.") from None


def _print(found: Examination) -> None:
    width = max(len(result.check.title) for result in found.results)
    for result in found.results:
        words = f"{result.code} {result.words}".strip() or (
            result.check.rule if result.outcome is Outcome.passed else ""
        )
        line = f"{result.check.number:>2}  {result.check.title:<{width}}  {result.outcome.value:<11}  {words}"
        click.echo(line.rstrip())
    click.echo()
    for name, value in _facts(found).items():
        click.echo(f"{name + ':':<13} {value}")
    click.echo("\nNot checked here:")
    for sentence in found.unchecked:
        click.echo(f"  - {sentence}.")
    click.echo()
    if found.good:
        click.echo("good: every check that could be made passed")
    else:
        failed = next(
            r for r in found.results if r.outcome is not Outcome.passed and r.outcome is not Outcome.skipped
        )
        click.echo(f"REFUSED at check {failed.check.number}: {failed.code} {failed.words}")


def _facts(found: Examination) -> dict[str, str]:
    """What was accepted on the way, for people; an attacker's words are not among it."""
    facts: dict[str, str] = {}
    if found.root is not None:
        root = found.root
        facts["root"] = f"version {root.version} of '{root.organization}', epoch {root.epoch}"
        facts["first root"] = f"sha256:{found.first}"
    if found.pointer is not None:
        facts["pointer"] = f"sequence {found.pointer.sequence}, expires {instant(found.pointer.expires)}"
    if found.statement is not None:
        stated = found.statement
        facts["bundle"] = stated.digest
        facts["made of"] = f"{stated.repository} commit {stated.commit} tree {stated.tree}"
        facts["compiler"] = stated.compiler
    if found.manifest is not None:
        facts["environments"] = ", ".join(sorted(found.manifest.environments))
    return facts


def _document(found: Examination) -> dict[str, Any]:
    return {
        "good": found.good,
        "checks": [
            {
                "number": result.check.number,
                "title": result.check.title,
                "outcome": result.outcome.name,
                "code": result.code or None,
                "message": result.words or None,
            }
            for result in found.results
        ],
        "accepted": _facts(found),
        "not_checked": list(found.unchecked),
    }
