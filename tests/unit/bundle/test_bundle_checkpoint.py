"""Checkpoints as signed notes, and the entries they cover."""

from __future__ import annotations

import base64
from dataclasses import replace

import pytest

from reconciler.bundle.checkpoint import (
    Checkpoint,
    open_checkpoint,
    read_checkpoint,
    read_hash,
    read_short,
    sign_checkpoint,
)
from reconciler.bundle.leaves import (
    AuditLeaf,
    Leaf,
    PointerLeaf,
    StatementLeaf,
    decode_leaf,
    describe,
    encode_leaf,
)
from reconciler.bundle.merkle import EMPTY, leaf_hash
from reconciler.bundle.note import key_hash, read_note, sign_note, signers
from reconciler.bundle.root import Role
from reconciler.errors import Refused
from tests.unit.bundle.offers import key, public, root

CHECKPOINT = Checkpoint("sentinel/acme", 3, leaf_hash(b"x"))

# The example of the format's first implementation (golang.org/x/mod/sumdb/note).
KEY = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
NOTE = (
    "If you think cryptography is the answer to your problem,\n"
    "then you don't know what your problem is.\n"
    "\n"
    "— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n"
)


def test_the_published_note_verifies() -> None:
    name, hashed, encoded = KEY.split("+", 2)
    peter = base64.b64decode(encoded)[1:]
    assert key_hash(name, peter).hex() == hashed
    assert signers(read_note(NOTE), name, [peter]) == {peter}
    with pytest.raises(Refused):
        signers(read_note(NOTE.replace("problem is", "problem was")), name, [peter])


def test_a_checkpoint_has_the_published_form() -> None:
    note = sign_checkpoint(CHECKPOINT, [key("pointer")])
    lines = note.split("\n")
    assert lines[:4] == ["sentinel/acme", "3", base64.b64encode(CHECKPOINT.root).decode(), ""]
    assert lines[4].startswith("— sentinel/acme ")
    assert read_checkpoint(note) == open_checkpoint(note, root()) == CHECKPOINT
    assert read_short(str(CHECKPOINT)) == CHECKPOINT


def test_signatures_of_others_are_not_looked_at() -> None:
    note = sign_checkpoint(CHECKPOINT, [key("pointer")])
    witness = sign_note(CHECKPOINT.text, "witness.example/w1", [key("witness")]).split("\n\n")[1]
    bad = witness.replace("witness.example", "other.example")
    assert open_checkpoint(note + witness + bad, root()) == CHECKPOINT


def test_the_threshold_of_the_pointer_role_counts_distinct_keys() -> None:
    names = ("pointer", "pointer-2")
    publics = {f"{name}": public(name) for name in names}
    two = replace(
        root(),
        keys={**root().keys, **publics},
        roles={**root().roles, "pointer": Role(tuple(publics), 2)},
    )
    one = sign_checkpoint(CHECKPOINT, [key("pointer")])
    twice = one + one.split("\n\n")[1]
    both = sign_checkpoint(CHECKPOINT, [key(name) for name in names])
    assert open_checkpoint(both, two) == CHECKPOINT
    for note in (one, twice):
        with pytest.raises(Refused, match="signed by 1 pointer keys"):
            open_checkpoint(note, two)


def test_every_bit_of_a_signed_checkpoint_counts() -> None:
    note = sign_checkpoint(CHECKPOINT, [key("pointer")]).encode()
    for at in range(len(note) * 8):
        changed = bytearray(note)
        changed[at // 8] ^= 1 << (at % 8)
        try:
            text = changed.decode()
        except UnicodeDecodeError:
            continue
        with pytest.raises(Refused) as caught:
            open_checkpoint(text, root())
        assert caught.value.code == "E-VER-015"


@pytest.mark.parametrize(
    "text",
    [
        "sentinel/acme\n3\n",
        CHECKPOINT.text + "extension\n",
        CHECKPOINT.text.replace("\n3\n", "\n03\n"),
        CHECKPOINT.text.replace("\n3\n", "\n-3\n"),
        CHECKPOINT.text.replace("\n3\n", f"\n{2**53}\n"),
        CHECKPOINT.text.replace("\n3\n", "\n0\n"),
        CHECKPOINT.text.replace("sentinel/acme", "sentinel/other"),
        CHECKPOINT.text.replace("sentinel/acme", "acme"),
        CHECKPOINT.text.replace("=\n", "\n"),
    ],
)
def test_other_texts_are_refused_although_they_are_signed(text: str) -> None:
    with pytest.raises(Refused) as caught:
        open_checkpoint(sign_note(text, "sentinel/acme", [key("pointer")]), root())
    assert caught.value.code == "E-VER-015"


def test_the_bundle_key_signs_no_checkpoint() -> None:
    with pytest.raises(Refused, match="signed by 0"):
        open_checkpoint(sign_checkpoint(CHECKPOINT, [key("bundle")]), root())


@pytest.mark.parametrize(
    "note",
    ["", "\n\n", "text\n", "text\n\n", "text\n\n- name AAAA\n", "te\rxt\n\n— a AAAAAAAA\n", "x" * 5000],
)
def test_what_is_no_note_is_refused(note: str) -> None:
    with pytest.raises(Refused) as caught:
        read_note(note)
    assert caught.value.code == "E-VER-015"


def test_the_empty_log_has_one_root() -> None:
    empty = Checkpoint("sentinel/acme", 0, EMPTY)
    assert read_short(str(empty)) == empty
    with pytest.raises(Refused):
        read_short(str(replace(empty, root=leaf_hash(b""))))


@pytest.mark.parametrize("text", ["sentinel/acme 3", "sentinel/acme 3 x", f"sentinel/acme  3 {'A' * 43}="])
def test_what_is_no_short_form_is_refused(text: str) -> None:
    with pytest.raises(Refused):
        read_short(text)


def test_base64_with_spare_bits_is_another_text_for_the_same_hash() -> None:
    assert read_hash("A" * 43 + "=") == bytes(32)
    with pytest.raises(ValueError, match="hash"):
        read_hash("A" * 42 + "B=")


LEAVES: list[Leaf] = [
    StatementLeaf("acme", "shop", "sha256:" + "1" * 64, "2" * 64),
    PointerLeaf("acme", "shop", "production", "base", 1, 7, "sha256:" + "1" * 64, 100),
    AuditLeaf("acme", 41, "3" * 64),
]


@pytest.mark.parametrize("leaf", LEAVES, ids=lambda leaf: type(leaf).__name__)
def test_an_entry_is_read_as_it_was_written_and_in_no_other_form(leaf: Leaf) -> None:
    data = encode_leaf(leaf)
    assert decode_leaf(data) == leaf
    assert describe(leaf)["organization"] == "acme"
    for wrong in (data + b"\0", data[:-1], b"", data[4:], data.replace(b"leaf/1", b"leaf/2")):
        with pytest.raises(Refused) as caught:
            decode_leaf(wrong)
        assert caught.value.code == "E-LOG-001"


@pytest.mark.parametrize("number", [b"\x29", bytes(9) + b"\x29", b""], ids=["short", "long", "empty"])
def test_a_number_of_another_length_is_another_form(number: bytes) -> None:
    values = [b"sentinel-leaf/1", b"audit", b"acme", number, b"3" * 64]
    with pytest.raises(Refused, match="one form"):
        decode_leaf(b"".join(len(value).to_bytes(4, "big") + value for value in values))


def test_fields_cannot_run_into_each_other() -> None:
    one = PointerLeaf("acme", "shop", "prod", "base", 1, 7, "d", 100)
    assert encode_leaf(replace(one, project="sho", environment="pprod")) != encode_leaf(one)
    assert len({encode_leaf(leaf) for leaf in LEAVES}) == len(LEAVES)


def test_an_entry_that_the_format_cannot_keep_is_not_made() -> None:
    with pytest.raises(ValueError, match="too long"):
        encode_leaf(StatementLeaf("acme", "x" * 70_000, "", ""))
