"""A proof that one entry is in the log, as a file that anybody can check with nothing but a root. Pure."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from reconciler.bundle.armour import armour, disarm
from reconciler.bundle.checkpoint import PREFIX, Checkpoint, open_checkpoint, read_checkpoint
from reconciler.bundle.fields import Fields
from reconciler.bundle.leaves import LARGEST_LEAF, Leaf, decode_leaf, describe, encode_leaf
from reconciler.bundle.logged import NAMES, LogProof, check_included, read_proof
from reconciler.bundle.root import Root, read_first_root
from reconciler.errors import Refused

LONGEST = 256 * 1024


@dataclass(frozen=True, slots=True)
class Proved:
    """What a proof that holds says: this entry is in the log of this checkpoint, signed under this root."""

    leaf: Leaf
    index: int
    checkpoint: Checkpoint
    root: Root


def write_proof(leaf: Leaf, place: LogProof) -> dict[str, Any]:
    """The file. `entry` is for people; what is proved is `leaf`."""
    return {
        "type": "log-proof",
        "leaf": armour(encode_leaf(leaf)),
        "entry": describe(leaf),
        **place.to_json(),
    }


def check_proof(data: bytes, root_envelope: bytes) -> Proved:
    """Hold a proof against a root that the caller believes in. Nothing else is asked.

    Raises `Refused`: E-LOG-005 not a proof, E-VER-002 not that organization's root, E-VER-015 to 017 as in a pointer.
    """
    fields = _fields(data)
    leaf = decode_leaf(_leaf_bytes(fields))
    if fields.mapping("entry") != describe(leaf):
        raise Refused("E-LOG-005", "the proof describes another entry than the one it proves")
    place = read_proof(fields)
    organization = read_checkpoint(place.checkpoint).origin.removeprefix(PREFIX)
    root = read_first_root(root_envelope, organization)
    checkpoint = open_checkpoint(place.checkpoint, root)
    check_included(leaf, place, checkpoint)
    return Proved(leaf, place.index, checkpoint, root)


def _fields(data: bytes) -> Fields:
    if len(data) > LONGEST:
        raise Refused("E-LOG-005", f"the proof has more than the {LONGEST} bytes that are read")
    try:
        document = json.loads(data)
        fields = Fields(document, ("type", "leaf", "entry", *NAMES), "the proof")
        fields.constant("type", "log-proof")
    except (ValueError, RecursionError):
        raise Refused("E-LOG-005", "the proof is not JSON") from None
    except Refused as refusal:
        raise Refused("E-LOG-005", refusal.message) from None
    return fields


def _leaf_bytes(fields: Fields) -> bytes:
    try:
        return disarm(fields.text("leaf", longest=2 * LARGEST_LEAF))
    except ValueError:
        raise Refused("E-LOG-005", "the proof's leaf is not in base64") from None
