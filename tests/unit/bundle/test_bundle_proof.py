"""Proofs as files, and challenges: what comes from somebody who need not be trusted."""

from __future__ import annotations

import json
from typing import Any

import pytest
from nacl.public import PrivateKey, SealedBox

from reconciler.bundle.possession import ANSWER, open_challenge
from reconciler.bundle.proof import LONGEST, check_proof, write_proof
from reconciler.errors import Refused
from tests.unit.bundle.offers import offer

OFFER = offer()
MADE: dict[str, Any] = write_proof(OFFER.pointer.leaf, OFFER.pointer.log)


def written(**changes: Any) -> bytes:
    return json.dumps({**MADE, **changes}).encode()


def test_a_proof_proves_its_entry() -> None:
    proved = check_proof(written(), OFFER.root_bytes())
    assert (proved.leaf, proved.index) == (OFFER.pointer.leaf, 0)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        pytest.param(b"[", "not JSON", id="no JSON"),
        pytest.param(b"[" * LONGEST, "not JSON", id="deep"),
        pytest.param(b"[]", "not a JSON object", id="no object"),
        pytest.param(b" " * (LONGEST + 1), "more than", id="too long"),
        pytest.param(written(type="other"), "'type'", id="another type"),
        pytest.param(written(more=1), "'more'", id="another field"),
        pytest.param(written(leaf="?"), "not in base64", id="no base64"),
        pytest.param(written(leaf=MADE["leaf"] + "\n"), "not in base64", id="another base64"),
        pytest.param(
            written(entry={**MADE["entry"], "project": "other"}), "another entry", id="another entry"
        ),
    ],
)
def test_what_is_no_proof(data: bytes, words: str) -> None:
    with pytest.raises(Refused, match=words) as caught:
        check_proof(data, OFFER.root_bytes())
    assert caught.value.code == "E-LOG-005"


def test_a_challenge_opens_with_the_key_it_was_sealed_to() -> None:
    key = PrivateKey.generate()
    answer = bytes(range(ANSWER))
    assert open_challenge(SealedBox(key.public_key).encrypt(answer), key) == answer


@pytest.mark.parametrize("how", ["another key", "cut short", "changed", "another length", "empty"])
def test_a_challenge_that_does_not_open(how: str) -> None:
    key, other = PrivateKey.generate(), PrivateKey.generate()
    good = SealedBox(key.public_key).encrypt(bytes(ANSWER))
    challenge = {
        "another key": SealedBox(other.public_key).encrypt(bytes(ANSWER)),
        "cut short": good[:-1],
        "changed": good[:-1] + bytes([good[-1] ^ 1]),
        "another length": SealedBox(key.public_key).encrypt(bytes(ANSWER - 1)),
        "empty": b"",
    }[how]
    with pytest.raises(Refused) as caught:
        open_challenge(challenge, key)
    assert caught.value.code == "E-NOD-016"
