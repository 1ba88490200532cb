"""Root, pointer and statement: what is written is read, and nothing else is."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from nacl.signing import VerifyKey

from reconciler.bundle import canonical, dsse
from reconciler.bundle.limits import LIMITS
from reconciler.bundle.pointer import decode_pointer, encode_pointer, peek_pointer, sign_pointer
from reconciler.bundle.root import decode_root, encode_root
from reconciler.bundle.statement import decode_statement, encode_statement
from reconciler.errors import Refused
from tests.unit.bundle.offers import DAY, NOW, key, offer, public, root


def code(call: Any, *args: Any) -> str:
    with pytest.raises(Refused) as caught:
        call(*args)
    return caught.value.code


def test_round_trips() -> None:
    made = offer()
    assert decode_pointer(encode_pointer(made.pointer)) == made.pointer
    assert decode_statement(encode_statement(made.statement)) == made.statement
    assert decode_root(encode_root(made.root)) == made.root
    assert peek_pointer(made.pointer_bytes(), limit=LIMITS.pointer) == made.pointer


def test_pae_is_the_one_of_the_specification() -> None:
    """The example of https://github.com/secure-systems-lab/dsse/blob/master/protocol.md."""
    assert dsse.pae("http://example.com/HelloWorld", b"hello world") == (
        b"DSSEv1 29 http://example.com/HelloWorld 11 hello world"
    )


def test_the_envelope_is_one_that_others_can_check() -> None:
    made = offer()
    envelope = json.loads(made.statement_bytes())
    assert set(envelope) == {"payload", "payloadType", "signatures"}
    read = dsse.read_envelope(made.statement_bytes(), "it", limit=LIMITS.statement)
    message = b"DSSEv1 %d %b %d %b" % (28, b"application/vnd.in-toto+json", len(read.payload), read.payload)
    VerifyKey(public("bundle")).verify(message, read.signatures[0].value)
    assert read.signatures[0].keyid == dsse.keyid(public("bundle"))


def test_signing_twice_gives_the_same_bytes() -> None:
    assert offer().statement_bytes() == offer().statement_bytes()


@pytest.mark.parametrize(
    "change",
    [
        {"type": "root"},
        {"cohort": "pin-XYZ"},
        {"cohort": "anything"},
        {"organization": "../acme"},
        {"epoch": 0},
        {"sequence": 0},
        {"sequence": -1},
        {"sequence": True},
        {"sequence": "7"},
        {"digest": "sha512:00"},
        {"length": 0},
        {"blob": None},
        {"blob": {"sha256": "0" * 64}},
        {"weight": 101},
        {"log": {}},
        {"issued": "2026-11-23T20:00:00+00:00"},
        {"issued": "2026-02-30T20:00:00Z"},
        {"expires": "2026-11-23T20:00:00Z"},
        {"expires": "2027-11-23T20:00:00Z"},
    ],
    ids=str,
)
def test_a_pointer_is_read_strictly(change: dict[str, Any]) -> None:
    document = {**json.loads(encode_pointer(offer().pointer)), **change}
    assert code(decode_pointer, canonical.encode(document)) == "E-VER-014"


def test_what_nodes_would_refuse_is_never_signed() -> None:
    made = offer()
    with pytest.raises(Refused):
        sign_pointer(replace(made.pointer, cohort="unheard-of"), key("pointer"))
    with pytest.raises(Refused):
        sign_pointer(replace(made.pointer, expires=NOW + 32 * DAY), key("pointer"))
    with pytest.raises(ValueError, match="time zone"):
        sign_pointer(replace(made.pointer, issued=NOW.replace(tzinfo=None)), key("pointer"))


def test_moments_are_whole_seconds() -> None:
    made = replace(offer().pointer, issued=NOW + timedelta(milliseconds=250))
    assert decode_pointer(encode_pointer(made)).issued == NOW


def root_document(**change: Any) -> bytes:
    return canonical.encode({**json.loads(encode_root(root())), **change})


def roles(**change: Any) -> dict[str, Any]:
    return {**json.loads(encode_root(root()))["roles"], **change}


KEYID = dsse.keyid(public("root"))


@pytest.mark.parametrize(
    "change",
    [
        {"keys": {}},
        {"keys": {"0" * 64: {"scheme": "ed25519", "public": public("root").hex()}}},
        {"keys": {KEYID: {"scheme": "rsa", "public": public("root").hex()}}},
        {"keys": {KEYID: {"scheme": "ed25519", "public": "00"}}},
        {
            "keys": {name * 64: {"scheme": "ed25519", "public": public("root").hex()} for name in "01"},
            "roles": {
                role: {"keyids": ["0" * 64, "1" * 64], "threshold": 2}
                for role in ("root", "bundle", "pointer")
            },
        },
        {
            "keys": {
                dsse.keyid(public(str(n))): {"scheme": "ed25519", "public": public(str(n)).hex()}
                for n in range(65)
            },
            "roles": {
                role: {"keyids": [dsse.keyid(public("0"))], "threshold": 1}
                for role in ("root", "bundle", "pointer")
            },
        },
        {"roles": {}},
        {"roles": roles(more={"keyids": [KEYID], "threshold": 1})},
        {"roles": roles(root={"keyids": [], "threshold": 1})},
        {"roles": roles(root={"keyids": [KEYID], "threshold": 0})},
        {"roles": roles(root={"keyids": [KEYID], "threshold": 2})},
        {"roles": roles(root={"keyids": [KEYID, KEYID], "threshold": 2})},
        {"roles": roles(root={"keyids": ["0" * 64], "threshold": 1})},
        {"roles": roles(root={"keyids": [[]], "threshold": 1})},
        {"version": 0},
        {"epoch": 0},
        {"type": "pointer"},
    ],
    ids=lambda change: str(change)[:60],
)
def test_a_root_is_read_strictly(change: dict[str, Any]) -> None:
    assert code(decode_root, root_document(**change)) == "E-VER-014"


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("_type",), "https://in-toto.io/Statement/v0.1"),
        (("predicateType",), "https://slsa.dev/provenance/v0.2"),
        (("subject",), []),
        (("subject", 0, "name"), "other"),
        (("subject", 1, "digest"), {"sha256": "0" * 64, "md5": "0"}),
        (("predicate", "runDetails", "builder", "id"), "somebody"),
        (("predicate", "runDetails", "metadata"), {"startedOn": "now"}),
        (("predicate", "buildDefinition", "resolvedDependencies"), []),
        (("predicate", "buildDefinition", "externalParameters", "commit"), 7),
    ],
    ids=str,
)
def test_a_statement_is_read_strictly(path: tuple[Any, ...], value: Any) -> None:
    document = json.loads(encode_statement(offer().statement))
    place = document
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = value
    assert code(decode_statement, canonical.encode(document)) == "E-VER-014"


@pytest.mark.parametrize(
    "text",
    ["YQ", "YR==", "YQ==\n", "Y Q==", "YQ=", "-_8=", ""],
    ids=repr,
)
def test_base64_has_one_form(text: str) -> None:
    envelope = {**json.loads(offer().pointer_bytes()), "payload": text}
    assert code(
        lambda data: dsse.read_envelope(data, "it", limit=LIMITS.pointer), canonical.encode(envelope)
    ) == ("E-VER-014")


def test_signatures_are_capped() -> None:
    data = dsse.sign("t", b"x", [key(str(n)) for n in range(dsse.MAX_SIGNATURES + 1)])
    assert code(lambda d: dsse.read_envelope(d, "it", limit=LIMITS.root), data) == "E-VER-014"


def test_nothing_is_signed_without_a_key() -> None:
    with pytest.raises(ValueError, match="without a key"):
        dsse.sign("t", b"x", [])


@pytest.mark.parametrize(
    ("keys", "threshold"), [({}, 1), ({}, 0), ({"x": bytes(32)}, 0), ({"x": bytes(32)}, -1)]
)
def test_an_empty_role_is_a_refusal(keys: dict[str, bytes], threshold: int) -> None:
    envelope = dsse.read_envelope(offer().pointer_bytes(), "it", limit=LIMITS.pointer)
    with pytest.raises(Refused, match="nobody may sign") as caught:
        dsse.check_signatures(envelope, envelope.payload_type, keys, threshold, what="it", code="E-VER-003")
    assert caught.value.code == "E-VER-003"
