"""Puts a bundle and its signed statement into the object store, each once, whoever else does it at the same time."""

from __future__ import annotations

from dataclasses import replace
from hashlib import sha256

from reconciler.bundle import archive, dsse
from reconciler.bundle.build import BuiltBundle
from reconciler.bundle.leaves import StatementLeaf
from reconciler.bundle.limits import LIMITS
from reconciler.bundle.statement import Statement, sign_statement
from reconciler.compile.compiler import COMPILER
from reconciler.errors import Refused, Stalled
from reconciler.flows.context import Context
from reconciler.flows.log.signing import append_statement
from reconciler.flows.retention import revive
from reconciler.flows.roots import signers, trusted_roots
from reconciler.flows.statements import Standing, StoredBundle, judge, sign_again
from reconciler.git.mirror import CommitInfo
from reconciler.git.url import shown
from reconciler.store import layout
from reconciler.store.port import Missing, Taken

AUTHOR_LENGTH = 500


def store_blob(context: Context, built: BuiltBundle) -> StoredBundle:
    """Put the compressed bundle under its digest, or take the one that is there.

    Compressed bytes may differ between versions of the library while the tar is the same: the first ones stay. Raises
    `Stalled` (E-TRK-006) when what is there is not this bundle at all.
    """
    revive(context, built.digest)
    key = layout.bundle(context.organization.slug, context.project.slug, built.digest)
    blob = built.blob
    try:
        context.store.put(key, blob)
    except Taken:
        blob = _first_blob(context, key, built.digest)
    return StoredBundle(built.digest, len(built.tar), sha256(blob).hexdigest(), len(blob))


def sign(context: Context, stored: StoredBundle, head: CommitInfo) -> StoredBundle:
    """Put a statement that names `head`, or take the one that is there, which then names an earlier commit.

    One that a replaced key signed is signed again. One that only a revoked key signed is replaced: this very bundle was
    just made. Raises `Stalled`: E-KEY-007 when the root trusts no bundle key of ours, E-TRK-007 when what is there
    does not hold.
    """
    roots = trusted_roots(context)
    key = layout.statement(context.organization.slug, context.project.slug, stored.digest)
    ours = replace(stored, commit=head.sha, root_version=roots.newest.version)
    found = _statement(context, key)
    if found is None:
        try:
            context.store.put(key, sign_stated(context, statement_of(context, stored, head)))
            return ours
        except Taken:
            # Another run put one for another commit in the same moment: the one that is there counts.
            found = context.store.get(key, limit=LIMITS.statement)
    try:
        statement, standing = judge(found, stored, roots)
    except Refused as refusal:
        raise Stalled(
            "E-TRK-007",
            f"the statement '{key}' does not hold: {refusal}",
            cure="Move it away and push again, and it is signed again; find out who wrote it",
        ) from None
    if standing is Standing.revoked:
        context.store.replace(key, sign_stated(context, statement_of(context, stored, head)))
        return ours
    if standing is Standing.replaced:
        sign_again(context, key, found, roots)
    return replace(ours, commit=statement.commit)


def statement_of(context: Context, stored: StoredBundle, head: CommitInfo) -> Statement:
    """What we say of a bundle that was made of `head`."""
    return Statement(
        organization=context.organization.slug,
        project=context.project.slug,
        tar_sha256=stored.digest.removeprefix("sha256:"),
        tar_length=stored.length,
        blob_sha256=stored.blob_sha256,
        blob_length=stored.blob_length,
        repository=shown(context.project.repository),
        path=context.project.path,
        commit=head.sha,
        tree=head.tree,
        author=author_of(head),
        compiler=COMPILER,
    )


def sign_stated(context: Context, statement: Statement) -> bytes:
    """A statement, signed. Raises `Stalled` when the key for it is not here."""
    return sign_statement(statement, *signers(context, "bundle", trusted_roots(context).newest))


def statement_leaf(context: Context, project: str, digest: str) -> StatementLeaf:
    """The log's entry of a project's bundle whose statement is in the store. Raises `Missing`, or `Refused`."""
    organization = context.organization.slug
    envelope = context.store.get(layout.statement(organization, project, digest), limit=LIMITS.statement)
    payload = dsse.read_envelope(envelope, "the statement", limit=LIMITS.statement).payload
    return StatementLeaf(organization, project, digest, sha256(payload).hexdigest())


def log_statement(context: Context, digest: str) -> None:
    """Make sure that a bundle's statement is an entry of the log. Needs no key."""
    append_statement(context, statement_leaf(context, context.project.slug, digest))


def _first_blob(context: Context, key: str, digest: str) -> bytes:
    try:
        blob = context.store.get(key, limit=LIMITS.blob)
        if archive.digest_of(archive.decompress(blob)) == digest:
            return blob
        words = "it unpacks to another digest"
    except Refused as refusal:
        words = str(refusal)
    raise Stalled(
        "E-TRK-006",
        f"the object '{key}' is not the bundle it should be: {words}",
        cure="Somebody or something damaged the object store: move the object away, and it is built again",
    )


def _statement(context: Context, key: str) -> bytes | None:
    try:
        return context.store.get(key, limit=LIMITS.statement)
    except Missing:
        return None


def author_of(head: CommitInfo) -> str:
    """Who wrote a commit, as its statement says it."""
    return f"{head.author_name[:AUTHOR_LENGTH]} <{head.author_email[:AUTHOR_LENGTH]}>"
