"""Whether the statement of a bundle still holds after a change of keys, and making it hold again."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from reconciler.bundle import dsse
from reconciler.bundle.chain import Chain
from reconciler.bundle.limits import LIMITS
from reconciler.bundle.statement import PAYLOAD_TYPE, Statement, decode_statement
from reconciler.errors import Refused
from reconciler.flows.context import Context
from reconciler.flows.roots import signers


@dataclass(frozen=True, slots=True)
class StoredBundle:
    """A bundle as the store has it: lengths in bytes, `blob_sha256` in hex, `commit` the one its statement names, and
    the version of the root under which that is signed."""

    digest: str
    length: int
    blob_sha256: str
    blob_length: int
    commit: str = ""
    root_version: int = 1


class Standing(Enum):
    """Who vouches for a statement: a key of the newest root, one that was replaced, or only one that was revoked."""

    good = "good"
    replaced = "replaced"
    revoked = "revoked"


def judge(envelope: bytes, stored: StoredBundle, roots: Chain) -> tuple[Statement, Standing]:
    """The statement of a bundle, and who vouches for it. Raises `Refused` when it never held, or is of another one."""
    read = dsse.read_envelope(envelope, "the statement", limit=LIMITS.statement)
    statement, standing = decode_statement(read.payload), Standing.good
    newest = roots.newest
    try:
        dsse.check_signatures(
            read,
            PAYLOAD_TYPE,
            newest.keys_of("bundle"),
            newest.roles["bundle"].threshold,
            what="the statement",
            code="E-VER-012",
        )
    except Refused as refusal:
        if roots.was_signed(read, "bundle", PAYLOAD_TYPE):
            standing = Standing.replaced
        elif {signature.keyid for signature in read.signatures} & roots.revoked("bundle").keys():
            standing = Standing.revoked
        else:
            raise refusal
    said = (statement.digest, statement.tar_length, statement.blob_sha256, statement.blob_length)
    if said != (stored.digest, stored.length, stored.blob_sha256, stored.blob_length):
        raise Refused("E-VER-012", "it is about another bundle")
    return statement, standing


def sign_again(context: Context, key: str, envelope: bytes, roots: Chain) -> None:
    """Add our signatures to a statement that a replaced key vouches for, and store it in place of the old one.

    The payload stays, so whoever does it at the same time writes the same. Signatures by keys of the root before stay
    too, for those who have only that one.
    """
    keep = {
        keyid
        for root in roots.roots[-2:]
        for keyid in root.roles["bundle"].keyids
        if keyid not in roots.newest.revoked
    }
    for signer in signers(context, "bundle", roots.newest):
        envelope = dsse.add_signature(envelope, signer, limit=LIMITS.statement, keep=keep)
    context.store.replace(key, envelope)
