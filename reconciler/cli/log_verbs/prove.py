"""`sentinelctl log prove`: the proof that a bundle or a pointer is an entry of the log."""

from __future__ import annotations

import json
from pathlib import Path

import click

from reconciler.bundle.checkpoint import read_checkpoint
from reconciler.bundle.fields import DIGEST
from reconciler.bundle.leaves import Leaf, encode_leaf
from reconciler.bundle.limits import LIMITS
from reconciler.bundle.logged import LogProof
from reconciler.bundle.merkle import leaf_hash
from reconciler.bundle.pointer import peek_pointer
from reconciler.bundle.proof import write_proof
from reconciler.cli.log_verbs.opening import open_organization
from reconciler.errors import Stalled
from reconciler.flows.context import Context
from reconciler.flows.log.signing import open_log
from reconciler.flows.publishing import statement_leaf
from reconciler.store import layout


@click.command()
@click.argument("what", metavar="DIGEST|POINTER")
@click.option("--organization", metavar="SLUG", help="Default: the only one there is.")
@click.option("--project", metavar="SLUG", help="Whose bundle it is. Default: the first that has it.")
def prove(what: str, organization: str | None, project: str | None) -> None:
    """Print a proof as JSON: that the bundle DIGEST was published, or that the file POINTER is a decision of ours.

    Whoever has the organization's root can check it, without us: sentinelctl log verify --proof FILE --root FILE.
    """
    context, projects = open_organization(organization)
    leaf = _leaf(context, what, [project] if project is not None else projects)
    files = open_log(context)
    index, note = files.index_of(leaf_hash(encode_leaf(leaf))), files.checkpoint()
    size = read_checkpoint(note).size if note is not None else 0
    if index is None or note is None or index >= size:
        raise Stalled(
            "E-LOG-008",
            f"'{what[:200]}' is "
            + ("no entry of the log" if index is None else "an entry that is not signed yet"),
            cure="An entry is signed with the next change of an environment; see also 'sentinelctl log verify'",
        )
    place = LogProof(note, index, files.published_inclusion(index, size))
    click.echo(json.dumps(write_proof(leaf, place), indent=2))


def _leaf(context: Context, what: str, projects: list[str]) -> Leaf:
    if DIGEST.fullmatch(what) is None:
        path = Path(what)
        if not path.is_file():
            raise click.UsageError("Give a digest, 'sha256:' and 64 hex digits, or the file of a pointer.")
        return peek_pointer(path.read_bytes().strip(), limit=LIMITS.pointer).leaf
    for slug in projects:
        if context.store.exists(layout.statement(context.organization.slug, slug, what)):
            return statement_leaf(context, slug, what)
    raise Stalled(
        "E-LOG-008",
        f"no statement about {what} is in the object store",
        cure="See the digests on the page of the project; name another one with --project",
    )
