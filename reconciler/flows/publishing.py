"""Puts a bundle and its signed statement into the object store, each once, whoever else does it at the same time."""

from __future__ import annotations

from dataclasses import dataclass, replace
from hashlib import sha256

from reconciler.bundle import archive, dsse
from reconciler.bundle.build import BuiltBundle
from reconciler.bundle.leaves import StatementLeaf
from reconciler.bundle.limits import LIMITS
from reconciler.bundle.root import Root
from reconciler.bundle.statement import PAYLOAD_TYPE, Statement, decode_statement, sign_statement
from reconciler.compile.compiler import COMPILER
from reconciler.errors import Refused, Stalled
from reconciler.flows.context import Context
from reconciler.flows.log.signing import append_statement
from reconciler.flows.roots import ensure_root, read_root
from reconciler.git.mirror import CommitInfo
from reconciler.git.url import shown
from reconciler.store import layout
from reconciler.store.port import Missing

AUTHOR_LENGTH = 500


@dataclass(frozen=True, slots=True)
class StoredBundle:
    """A bundle as the store has it: lengths in bytes, `blob_sha256` in hex, `commit` the one its statement names."""

    digest: str
    length: int
    blob_sha256: str
    blob_length: int
    commit: str = ""


def store_blob(context: Context, built: BuiltBundle) -> StoredBundle:
    """Put the compressed bundle under its digest, or take the one that is there.

    Compressed bytes may differ between versions of the library while the tar is the same: the first ones stay. Raises
    `Stalled` (E-TRK-006) when what is there is not this bundle at all.
    """
    key = layout.bundle(context.organization.slug, context.project.slug, built.digest)
    blob = built.blob
    try:
        context.store.put(key, blob)
    except Refused:
        blob = _first_blob(context, key, built.digest)
    return StoredBundle(built.digest, len(built.tar), sha256(blob).hexdigest(), len(blob))


def sign(context: Context, stored: StoredBundle, head: CommitInfo) -> StoredBundle:
    """Put a statement that names `head`, or take the one that is there, which then names an earlier commit.

    Raises `Stalled`: E-TRK-005 when our bundle key is not one that the root trusts, E-TRK-007 when the statement that
    is there does not hold.
    """
    organization, project = context.organization.slug, context.project.slug
    root = read_root(ensure_root(context), organization)
    key = layout.statement(organization, project, stored.digest)
    found = _statement(context, key)
    if found is None:
        signer = context.key("bundle")
        if dsse.keyid(bytes(signer.verify_key)) not in root.keys_of("bundle"):
            raise Stalled(
                "E-TRK-005",
                f"the bundle key of organization '{organization}' is not one that root {root.version} trusts",
                cure="Put the right key at the URI in control-plane.kdl, or publish a root that names this one",
            )
        statement = Statement(
            organization=organization,
            project=project,
            tar_sha256=stored.digest.removeprefix("sha256:"),
            tar_length=stored.length,
            blob_sha256=stored.blob_sha256,
            blob_length=stored.blob_length,
            repository=shown(context.project.repository),
            path=context.project.path,
            commit=head.sha,
            tree=head.tree,
            author=_author(head),
            compiler=COMPILER,
        )
        try:
            context.store.put(key, sign_statement(statement, signer))
            return replace(stored, commit=head.sha)
        except Refused as refusal:
            if refusal.code != "E-STO-003":
                raise
            # Another run put one for another commit in the same moment: the one that is there counts.
            found = context.store.get(key, limit=LIMITS.statement)
    return replace(stored, commit=_check(found, root, stored, key).commit)


def statement_leaf(context: Context, digest: str) -> StatementLeaf:
    """The log's entry of a bundle whose statement is in the store. Raises `Missing`."""
    organization, project = context.organization.slug, context.project.slug
    envelope = context.store.get(layout.statement(organization, project, digest), limit=LIMITS.statement)
    payload = dsse.read_envelope(envelope, "the statement", limit=LIMITS.statement).payload
    return StatementLeaf(organization, project, digest, sha256(payload).hexdigest())


def log_statement(context: Context, digest: str) -> None:
    """Make sure that a bundle's statement is an entry of the log. Needs no key."""
    append_statement(context, statement_leaf(context, digest))


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


def _check(envelope: bytes, root: Root, stored: StoredBundle, key: str) -> Statement:
    """The statement in an envelope that was in the store, when a node would believe it too."""
    try:
        read = dsse.read_envelope(envelope, "the statement", limit=LIMITS.statement)
        threshold = root.roles["bundle"].threshold
        dsse.check_signatures(
            read, PAYLOAD_TYPE, root.keys_of("bundle"), threshold, what="the statement", code="E-VER-012"
        )
        statement = decode_statement(read.payload)
    except Refused as refusal:
        words = str(refusal)
    else:
        said = (statement.digest, statement.tar_length, statement.blob_sha256, statement.blob_length)
        if said == (stored.digest, stored.length, stored.blob_sha256, stored.blob_length):
            return statement
        words = "it is about another bundle"
    raise Stalled(
        "E-TRK-007",
        f"the statement '{key}' does not hold: {words}",
        cure="Move it away and push again, and it is signed again; find out who wrote it",
    )


def _author(head: CommitInfo) -> str:
    return f"{head.author_name[:AUTHOR_LENGTH]} <{head.author_email[:AUTHOR_LENGTH]}>"
