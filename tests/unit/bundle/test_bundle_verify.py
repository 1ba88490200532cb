"""The verifier's steps, each test named after the number of the step that has to say no."""

from __future__ import annotations

import base64
import hashlib
import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from reconciler.bundle import archive, canonical, dsse, pointer, verify
from reconciler.bundle.limits import LIMITS, Limits
from reconciler.bundle.root import make_root, sign_root
from reconciler.bundle.verify import Misuse, Verifier
from reconciler.errors import Refused
from tests.unit.bundle.offers import AUDIENCE, DAY, NOW, Offer, bundle_files, key, offer, public, root
from tests.unit.bundle.paper_log import logged


def verifier(made: Offer, **state: Any) -> Verifier:
    return Verifier(replace(made.state, **state), AUDIENCE)


def walk(made: Offer, **state: Any) -> Verifier:
    """A verifier that accepted the pointer."""
    found = verifier(made, **state)
    found.accept_pointer(made.pointer_bytes(), now=NOW)
    return found


def refusal(call: Any, *args: Any, **kwargs: Any) -> Refused:
    with pytest.raises(Refused) as caught:
        call(*args, **kwargs)
    return caught.value


def test_everything_in_order_is_accepted() -> None:
    made = offer()
    found = walk(made)
    assert found.accept_blob(made.blob) == made.files
    assert found.accept_statement(made.statement_bytes()) == made.statement


def test_confirmed_remembers_what_was_activated() -> None:
    made = offer()
    state = made.state.confirmed(made.pointer)
    assert (state.epoch, state.sequence, state.digest, state.cohort) == (1, 7, made.pointer.digest, "base")
    assert state.issued == NOW
    earlier = replace(made.pointer, sequence=8, issued=NOW - DAY)
    assert state.confirmed(earlier).issued == NOW


@pytest.mark.parametrize("what", ["root", "pointer", "statement"])
def test_step_1_size_caps(what: str) -> None:
    made = offer()
    small = Verifier(made.state, AUDIENCE, replace(LIMITS, **{what: 200}))
    if what == "root":
        error = refusal(small.accept_root, made.root_bytes(), now=NOW)
    elif what == "pointer":
        error = refusal(small.accept_pointer, made.pointer_bytes(), now=NOW)
    else:
        small.accept_pointer(made.pointer_bytes(), now=NOW)
        small.accept_blob(made.blob)
        error = refusal(small.accept_statement, made.statement_bytes())
    assert error.code == "E-VER-001"


def test_step_1_a_bundle_too_large_is_refused_before_it_is_fetched() -> None:
    made = offer()
    for changes in ({"blob_length": LIMITS.blob + 1}, {"length": LIMITS.tar + 1}):
        error = refusal(verifier(made).accept_pointer, made.pointer_bytes(**changes), now=NOW)
        assert error.code == "E-VER-001"


def next_root(**changes: Any) -> Any:
    fields: dict[str, Any] = {
        "version": 2,
        "organization": "acme",
        "epoch": 1,
        "expires": NOW + 365 * DAY,
        "roles": {
            "root": ([public("root-2")], 1),
            "bundle": ([public("bundle")], 1),
            "pointer": ([public("pointer-2")], 1),
        },
    }
    return make_root(**{**fields, **changes})


def test_step_2_a_root_signed_by_old_and_new_is_accepted_and_its_keys_count_at_once() -> None:
    made = offer()
    found = verifier(made)
    found.accept_root(sign_root(next_root(), [key("root"), key("root-2")]), now=NOW)
    assert found.state.root.version == 2
    assert refusal(found.accept_pointer, made.pointer_bytes(), now=NOW).code == "E-VER-003"
    found.accept_pointer(
        pointer.sign_pointer(logged(made.pointer, key("pointer-2")), key("pointer-2")), now=NOW
    )


@pytest.mark.parametrize(
    ("changes", "signers"),
    [
        pytest.param({}, ["root"], id="not by the new root key"),
        pytest.param({}, ["root-2"], id="not by the old root key"),
        pytest.param({}, ["pointer", "bundle"], id="by keys of other roles"),
        pytest.param({"version": 3}, ["root", "root-2"], id="a version is left out"),
        pytest.param({"version": 1}, ["root", "root-2"], id="the same version again"),
        pytest.param({"organization": "other"}, ["root", "root-2"], id="another organization"),
    ],
)
def test_step_2_root_chain(changes: dict[str, Any], signers: list[str]) -> None:
    made = offer()
    found = verifier(made)
    error = refusal(found.accept_root, sign_root(next_root(**changes), [key(s) for s in signers]), now=NOW)
    assert error.code == "E-VER-002"
    assert found.state.root == made.root


def test_step_2_a_lower_epoch_is_refused() -> None:
    made = offer()
    found = Verifier(verify.TrustState(root(epoch=2)), AUDIENCE)
    data = sign_root(next_root(epoch=1), [key("root"), key("root-2")])
    assert refusal(found.accept_root, data, now=NOW).code == "E-VER-002"
    assert made.root.epoch == 1


def test_step_2_a_threshold_counts_distinct_keys() -> None:
    two = {
        "root": ([public("root"), public("root-b")], 2),
        "bundle": ([public("bundle")], 1),
        "pointer": ([public("pointer")], 1),
    }
    state = verify.TrustState(next_root(version=1, roles=two))
    new = next_root(version=2, roles=two)
    once = sign_root(new, [key("root")])
    assert refusal(Verifier(state, AUDIENCE).accept_root, once, now=NOW).code == "E-VER-002"
    twice = json.loads(once)
    twice["signatures"] *= 2
    error = refusal(Verifier(state, AUDIENCE).accept_root, canonical.encode(twice), now=NOW)
    assert error.code == "E-VER-014"
    both = dsse.add_signature(once, key("root-b"), limit=LIMITS.root)
    assert Verifier(state, AUDIENCE).accept_root(both, now=NOW).version == 2


def test_step_2_the_chain_has_an_end() -> None:
    made = offer()
    found = Verifier(made.state, AUDIENCE, Limits(root_steps=2))
    for version in (2, 3):
        found.accept_root(sign_root(root(version=version), [key("root")]), now=NOW)
    assert refusal(found.accept_root, sign_root(root(version=4), [key("root")]), now=NOW).code == "E-VER-002"


@pytest.mark.parametrize("signer", ["bundle", "root", "somebody"])
def test_step_3_a_pointer_by_another_key_is_refused(signer: str) -> None:
    made = offer()
    data = pointer.sign_pointer(made.pointer, key(signer))
    assert refusal(verifier(made).accept_pointer, data, now=NOW).code == "E-VER-003"


def test_step_3_no_signature_is_no_pass() -> None:
    made = offer()
    envelope = json.loads(made.pointer_bytes())
    envelope["signatures"] = []
    error = refusal(verifier(made).accept_pointer, canonical.encode(envelope), now=NOW)
    assert error.code == "E-VER-003"


def test_step_3_a_good_signature_does_not_excuse_a_bad_one() -> None:
    both = {
        "root": ([public("root")], 1),
        "bundle": ([public("bundle")], 1),
        "pointer": ([public("pointer"), public("pointer-2")], 1),
    }
    made = offer()
    state = verify.TrustState(next_root(version=1, roles=both))
    envelope = json.loads(dsse.add_signature(made.pointer_bytes(), key("pointer-2"), limit=LIMITS.pointer))
    envelope["signatures"][0]["sig"] = base64.b64encode(bytes(64)).decode()
    error = refusal(Verifier(state, AUDIENCE).accept_pointer, canonical.encode(envelope), now=NOW)
    assert error.code == "E-VER-003"


def test_step_3_a_statement_is_no_pointer_even_under_the_right_key() -> None:
    made = offer()
    payload = pointer.encode_pointer(made.pointer)
    data = dsse.sign("application/vnd.in-toto+json", payload, [key("pointer")])
    assert refusal(verifier(made).accept_pointer, data, now=NOW).code == "E-VER-003"


@pytest.mark.parametrize(
    "changes",
    [{"organization": "other"}, {"project": "blog"}, {"environment": "staging"}, {"cohort": "next"}],
    ids=lambda changes: next(iter(changes)),
)
def test_step_4_audience(changes: dict[str, Any]) -> None:
    made = offer()
    error = refusal(verifier(made).accept_pointer, made.pointer_bytes(**changes), now=NOW)
    assert error.code == "E-VER-004"
    assert next(iter(changes.values())) in error.message


def test_step_4_a_root_of_another_organization_says_nothing_about_this_one() -> None:
    made = offer()
    found = Verifier(verify.TrustState(root(organization="other")), AUDIENCE)
    assert refusal(found.accept_pointer, made.pointer_bytes(), now=NOW).code == "E-VER-004"


@pytest.mark.parametrize(
    ("seen", "offered", "code"),
    [
        pytest.param((1, 8), {"sequence": 7}, "E-VER-005", id="a lower sequence"),
        pytest.param((2, 1), {"sequence": 7}, "E-VER-005", id="a lower epoch than seen"),
        pytest.param((1, 6), {"epoch": 2}, "E-VER-005", id="an epoch that the root does not have"),
        pytest.param((1, 6), {"sequence": 2**53 - 1}, "E-VER-006", id="the highest sequence there is"),
        pytest.param((1, 6), {"sequence": 7 + LIMITS.sequence_jump}, "E-VER-006", id="one beyond the jump"),
        pytest.param((1, 7), {"digest": f"sha256:{'0' * 64}"}, "E-VER-007", id="equivocation"),
    ],
)
def test_step_5_sequence(seen: tuple[int, int], offered: dict[str, Any], code: str) -> None:
    made = offer()
    found = verifier(made, epoch=seen[0], sequence=seen[1], digest=made.pointer.digest, cohort="base")
    assert refusal(found.accept_pointer, made.pointer_bytes(**offered), now=NOW).code == code


@pytest.mark.parametrize(
    ("seen", "offered"),
    [
        pytest.param((1, 7, "base"), {}, id="the same pointer again"),
        pytest.param(
            (1, 7, "base"), {"issued": NOW + timedelta(hours=1), "expires": NOW + DAY}, id="re-dated"
        ),
        pytest.param((1, 7, "next"), {"digest": f"sha256:{'0' * 64}"}, id="another digest in another cohort"),
        pytest.param((1, 6, "base"), {"sequence": 6 + LIMITS.sequence_jump}, id="as far as it may jump"),
    ],
)
def test_step_5_what_is_no_rollback(seen: tuple[int, int, str], offered: dict[str, Any]) -> None:
    made = offer()
    found = verifier(made, epoch=seen[0], sequence=seen[1], cohort=seen[2], digest=made.pointer.digest)
    found.accept_pointer(made.pointer_bytes(**offered), now=NOW)


def test_step_5_a_new_epoch_of_the_root_lets_the_sequence_start_again() -> None:
    made = offer()
    found = verifier(made, root=root(epoch=2), epoch=1, sequence=900, digest="sha256:…", cohort="base")
    found.accept_pointer(made.pointer_bytes(epoch=2, sequence=1), now=NOW)


def test_step_6_expired() -> None:
    made = offer()
    last = NOW + DAY - timedelta(seconds=1)
    verifier(made).accept_pointer(made.pointer_bytes(), now=last)
    assert refusal(verifier(made).accept_pointer, made.pointer_bytes(), now=NOW + DAY).code == "E-VER-008"


def test_step_6_a_clock_set_back_does_not_revive_a_pointer() -> None:
    made = offer()
    found = verifier(made, epoch=1, issued=NOW + 2 * DAY)
    assert refusal(found.accept_pointer, made.pointer_bytes(), now=NOW - 365 * DAY).code == "E-VER-008"


def test_step_6_a_pointer_of_another_year_does_not_outlast_its_epoch() -> None:
    """Whoever steals the pointer key can date a pointer into the future; a new epoch undoes that too."""
    made = offer()
    later = NOW + 40 * 365 * DAY
    stuck = replace(made.state, root=root(expires=later + 365 * DAY)).confirmed(
        replace(made.pointer, issued=later, expires=later + DAY)
    )
    found = Verifier(stuck, AUDIENCE)
    assert refusal(found.accept_pointer, made.pointer_bytes(), now=NOW).code == "E-VER-008"
    freed = Verifier(stuck.with_root(root(epoch=2)), AUDIENCE)
    accepted = freed.accept_pointer(made.pointer_bytes(epoch=2, sequence=1), now=NOW)
    assert freed.state.confirmed(accepted).issued == NOW


def test_step_6_under_an_expired_root_nothing_is_accepted() -> None:
    made = offer()
    found = verifier(made, root=root(expires=NOW))
    error = refusal(found.accept_pointer, made.pointer_bytes(), now=NOW)
    assert (error.code, "root 1" in error.message) == ("E-VER-008", True)


def test_step_8_the_blob_has_exactly_its_length_and_digest() -> None:
    made = offer()
    for blob in (made.blob + b"\0", made.blob[:-1], b"", bytes(len(made.blob))):
        assert refusal(walk(made).accept_blob, blob).code == "E-VER-009"
    longer = refusal(walk(made).accept_blob, made.blob + b"\0")
    assert f"{len(made.blob) + 1} bytes, expected {len(made.blob)}" in longer.message


@pytest.mark.parametrize(
    "blob",
    [
        pytest.param(b"not zstd at all, whatever its length", id="not zstd"),
        pytest.param(archive.compress(bytes(1 << 20)), id="more than promised"),
        pytest.param(archive.compress(b"x"), id="less than promised"),
    ],
)
def test_step_9_bounded_unpack(blob: bytes) -> None:
    made = offer(blob=blob)
    assert refusal(walk(made).accept_blob, blob).code == "E-VER-010"


def test_step_10_the_tar_has_its_digest() -> None:
    made = offer()
    other = archive.build_tar(bundle_files(config__production__sentinel=b""))
    twisted = offer(made.files, blob=archive.compress(other))
    twisted = replace(twisted, pointer=replace(twisted.pointer, length=len(other)))
    assert refusal(walk(twisted).accept_blob, twisted.blob).code == "E-VER-011"


@pytest.mark.parametrize(
    "files",
    [
        pytest.param({"a": b"1"}, id="no manifest"),
        pytest.param({**bundle_files(), "extra.wasm": b"1"}, id="a file that the manifest does not list"),
        pytest.param(
            {**bundle_files(), "config/production/sentinel.kdl": b"other"}, id="a file that is another"
        ),
        pytest.param({"manifest.json": bundle_files()["manifest.json"]}, id="a listed file is missing"),
        pytest.param({**bundle_files(), "manifest.json": b"{}"}, id="an empty manifest"),
    ],
)
def test_step_10_the_manifest_describes_every_file(files: dict[str, bytes]) -> None:
    made = offer(files)
    assert refusal(walk(made).accept_blob, made.blob).code == "E-VER-011"


@pytest.mark.parametrize(
    "changes",
    [
        {"tar_sha256": "0" * 64},
        {"tar_length": 1},
        {"blob_sha256": "0" * 64},
        {"blob_length": 1},
        {"organization": "other"},
        {"project": "other"},
    ],
    ids=lambda changes: next(iter(changes)),
)
def test_step_11_the_statement_is_about_this_bundle(changes: dict[str, Any]) -> None:
    made = offer()
    found = walk(made)
    found.accept_blob(made.blob)
    assert refusal(found.accept_statement, made.statement_bytes(**changes)).code == "E-VER-012"


def test_step_11_a_stolen_pointer_key_ships_no_content_of_its_own() -> None:
    made = offer()
    found = walk(made)
    found.accept_blob(made.blob)
    forged = dsse.sign("application/vnd.in-toto+json", b"{}", [key("pointer")])
    assert refusal(found.accept_statement, forged).code == "E-VER-012"


def test_steps_cannot_be_left_out() -> None:
    made = offer()
    with pytest.raises(Misuse):
        verifier(made).accept_blob(made.blob)
    with pytest.raises(Misuse):
        walk(made).accept_statement(made.statement_bytes())
    with pytest.raises(Misuse):
        walk(made).accept_root(made.root_bytes(), now=NOW)


def test_a_refused_pointer_leaves_nothing_to_go_on_with() -> None:
    made = offer()
    found = walk(made)
    refusal(found.accept_pointer, made.pointer_bytes(project="blog"), now=NOW)
    with pytest.raises(Misuse):
        found.accept_blob(made.blob)


def test_what_nobody_foresaw_is_a_refusal(monkeypatch: pytest.MonkeyPatch) -> None:
    made = offer()

    def broken(*args: object, **kwargs: object) -> None:
        raise ZeroDivisionError

    for name, call in {
        "decode_pointer": lambda v: v.accept_pointer(made.pointer_bytes(), now=NOW),
        "decode_root": lambda v: v.accept_root(sign_root(root(version=2), [key("root")]), now=NOW),
        "read_first_root": lambda v: verify.first_state(made.root_bytes(), "acme"),
    }.items():
        with monkeypatch.context() as patch:
            patch.setattr(verify, name, broken)
            assert refusal(call, verifier(made)).code == "E-VER-099"
    with monkeypatch.context() as patch:
        patch.setattr(verify, "check_files", broken)
        assert refusal(walk(made).accept_blob, made.blob).code == "E-VER-099"


@pytest.mark.parametrize("value", [None, 7, "text", object()], ids=lambda value: type(value).__name__)
def test_what_is_not_bytes_is_refused(value: Any) -> None:
    made = offer()
    assert refusal(verifier(made).accept_pointer, value, now=NOW).code == "E-VER-099"


def test_a_pointer_with_a_duplicate_key_is_refused_although_signed() -> None:
    made = offer()
    payload = pointer.encode_pointer(made.pointer).replace(b'"weight":100', b'"weight":100,"weight":100')
    data = dsse.sign(pointer.PAYLOAD_TYPE, payload, [key("pointer")])
    assert refusal(verifier(made).accept_pointer, data, now=NOW).code == "E-VER-013"


def test_a_pointer_with_an_unknown_field_is_refused_although_signed() -> None:
    made = offer()
    document = json.loads(pointer.encode_pointer(made.pointer))
    data = dsse.sign(pointer.PAYLOAD_TYPE, canonical.encode({**document, "crit": []}), [key("pointer")])
    error = refusal(verifier(made).accept_pointer, data, now=NOW)
    assert (error.code, "crit" in error.message) == ("E-VER-014", True)


def test_the_first_root_is_signed_by_itself_and_of_this_organization() -> None:
    made = offer()
    assert verify.first_state(made.root_bytes(), "acme").root == made.root
    assert refusal(verify.first_state, made.root_bytes(), "other").code == "E-VER-002"
    assert refusal(verify.first_state, sign_root(made.root, [key("pointer")]), "acme").code == "E-VER-002"


def test_a_digest_is_of_the_tar() -> None:
    made = offer()
    assert made.pointer.digest == f"sha256:{hashlib.sha256(made.tar).hexdigest()}"
