"""The pointer: what one cohort of one environment should run, from when and until when."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta

from nacl.signing import SigningKey

from reconciler.bundle import canonical, dsse
from reconciler.bundle.checkpoint import read_checkpoint
from reconciler.bundle.fields import DIGEST, HEX64, SLUG, Fields, instant
from reconciler.bundle.leaves import PointerLeaf
from reconciler.bundle.logged import NAMES as LOG_NAMES
from reconciler.bundle.logged import UNLOGGED, LogProof, check_included, read_proof
from reconciler.errors import Refused

PAYLOAD_TYPE = "application/vnd.sentinel.pointer+json"
COHORT = re.compile(r"base|next|blue|green|pin-[0-9a-f]{12}")
NAMES = (
    "type",
    "organization",
    "project",
    "environment",
    "cohort",
    "epoch",
    "sequence",
    "digest",
    "length",
    "blob",
    "weight",
    "log",
    "issued",
    "expires",
)
LONGEST_LIFE = timedelta(days=31)
"""A pointer that lives longer would outlive every re-dating: freezing a fleet must not be possible by one signature."""


@dataclass(frozen=True, slots=True)
class Pointer:
    """Names a bundle for one cohort.

    `digest` is the bundle's (`sha256:` and hex, of the tar), `length` the tar's bytes; `blob_sha256` (hex) and
    `blob_length` are those of the compressed file. `sequence` rises with every change within one `epoch` of the root.
    `weight` is the cohort's share in percent. `issued` and `expires` are aware, whole seconds. `log` is the place of
    `leaf` in the organization's log, under the newest checkpoint there was when the pointer was signed.
    """

    organization: str
    project: str
    environment: str
    cohort: str
    epoch: int
    sequence: int
    digest: str
    length: int
    blob_sha256: str
    blob_length: int
    issued: datetime
    expires: datetime
    weight: int = 100
    log: LogProof = UNLOGGED

    @property
    def leaf(self) -> PointerLeaf:
        """Its entry in the log: what it decides. Dates are left out, so dating it again is no new entry."""
        return PointerLeaf(
            self.organization,
            self.project,
            self.environment,
            self.cohort,
            self.epoch,
            self.sequence,
            self.digest,
            self.weight,
        )


def encode_pointer(pointer: Pointer) -> bytes:
    """The payload that is signed."""
    return canonical.encode(
        {
            "type": "pointer",
            "organization": pointer.organization,
            "project": pointer.project,
            "environment": pointer.environment,
            "cohort": pointer.cohort,
            "epoch": pointer.epoch,
            "sequence": pointer.sequence,
            "digest": pointer.digest,
            "length": pointer.length,
            "blob": {"sha256": pointer.blob_sha256, "length": pointer.blob_length},
            "weight": pointer.weight,
            "log": pointer.log.to_json(),
            "issued": instant(pointer.issued),
            "expires": instant(pointer.expires),
        }
    )


def sign_pointer(pointer: Pointer, *keys: SigningKey) -> bytes:
    """The envelope, signed by each of `keys`. What a node would refuse to read is never signed (`Refused`)."""
    payload = encode_pointer(pointer)
    decode_pointer(payload)
    check_included(pointer.leaf, pointer.log, read_checkpoint(pointer.log.checkpoint))
    return dsse.sign(PAYLOAD_TYPE, payload, keys)


def decode_pointer(payload: bytes) -> Pointer:
    """Read a pointer's payload, whose signature is checked elsewhere. Raises `Refused` (E-VER-013 to E-VER-015)."""
    fields = Fields(canonical.decode(payload, "the pointer"), NAMES, "the pointer")
    fields.constant("type", "pointer")
    blob = Fields(fields.mapping("blob"), ("sha256", "length"), "the pointer's blob")
    pointer = Pointer(
        organization=fields.text("organization", SLUG),
        project=fields.text("project", SLUG),
        environment=fields.text("environment", SLUG),
        cohort=fields.text("cohort", COHORT),
        epoch=fields.number("epoch", 1),
        sequence=fields.number("sequence", 1),
        digest=fields.text("digest", DIGEST),
        length=fields.number("length", 1),
        blob_sha256=blob.text("sha256", HEX64),
        blob_length=blob.number("length", 1),
        issued=fields.moment("issued"),
        expires=fields.moment("expires"),
        weight=fields.number("weight", 0, 100),
        log=read_proof(Fields(fields.mapping("log"), LOG_NAMES, "the pointer's place in the log")),
    )
    if not timedelta(0) < pointer.expires - pointer.issued <= LONGEST_LIFE:
        raise Refused("E-VER-014", f"the pointer lives longer than {LONGEST_LIFE.days} days, or not at all")
    return pointer


def peek_pointer(envelope: bytes, *, limit: int) -> Pointer:
    """What an envelope says, **unverified**: for showing and for our own records, never for acting on."""
    return decode_pointer(dsse.read_envelope(envelope, "the pointer", limit=limit).payload)
