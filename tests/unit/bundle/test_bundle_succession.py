"""From root to root: thresholds, revocation, the words for a change, and who has still to sign."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from reconciler.bundle import dsse
from reconciler.bundle.chain import Chain, read_chain, read_next
from reconciler.bundle.limits import LIMITS
from reconciler.bundle.pointer import sign_pointer
from reconciler.bundle.root import Root, decode_root, encode_root, make_root, sign_root, unsigned_root
from reconciler.bundle.succession import (
    Change,
    check_signed,
    check_successor,
    differences,
    first_root,
    next_root,
    signing,
)
from reconciler.bundle.verify import TrustState, Verifier
from reconciler.errors import ReconcilerError, Refused, Stalled
from tests.unit.bundle.offers import AUDIENCE, DAY, NOW, key, offer, public
from tests.unit.bundle.paper_log import logged

LATER = NOW + 400 * DAY


def identity(name: str) -> str:
    return dsse.keyid(public(name))


def founded(**thresholds: int) -> Root:
    """Root 1 with three people and two keys of every other role."""
    keys = {
        "root": [public("ada"), public("bob"), public("eve")],
        "bundle": [public("bundle"), public("bundle-b")],
        "pointer": [public("pointer"), public("pointer-b")],
        "commit": [public("commit")],
    }
    return first_root("acme", keys, expires=NOW + 365 * DAY, thresholds={"root": 2, **thresholds})


def change(**fields: Any) -> Change:
    return Change(**{"expires": LATER, "add": {}, "remove": {}, **fields})


def code_of(function: Any, *args: Any, **kwargs: Any) -> str:
    with pytest.raises(ReconcilerError) as caught:
        function(*args, **kwargs)
    return caught.value.code


def sign(root: Root, *names: str) -> bytes:
    return sign_root(root, [key(name) for name in names])


def test_a_change_keeps_everything_else() -> None:
    old = founded()
    new = next_root(
        old, change(add={"pointer": (public("pointer-c"),)}, remove={"pointer": (identity("pointer"),)})
    )
    assert (new.version, new.epoch, new.expires, new.organization) == (2, 1, LATER, "acme")
    assert set(new.roles["pointer"].keyids) == {identity("pointer-b"), identity("pointer-c")}
    assert identity("pointer") not in new.keys
    assert {name: new.roles[name] for name in ("root", "bundle", "commit")} == {
        name: old.roles[name] for name in ("root", "bundle", "commit")
    }
    assert new.revoked == ()
    assert decode_root(encode_root(new)) == new


@pytest.mark.parametrize(
    "fields",
    [
        pytest.param({"remove": {"commit": (identity("commit"),)}}, id="the last key of a role"),
        pytest.param({"revoke": (identity("commit"),)}, id="revokes the last key of a role"),
        pytest.param({"remove": {"root": (identity("ada"), identity("bob"))}}, id="fewer than have to sign"),
        pytest.param({"remove": {"pointer": (identity("bundle"),)}}, id="a key that has another role"),
        pytest.param({"revoke": (identity("nobody"),)}, id="revokes a key that is not there"),
        pytest.param({"thresholds": {"bundle": 3}}, id="more than there are keys"),
        pytest.param(
            {"revoke": (identity("pointer"),), "add": {"pointer": (public("pointer"),)}},
            id="adds what it revokes",
        ),
    ],
)
def test_what_cannot_be_made_of_a_root(fields: dict[str, Any]) -> None:
    assert code_of(next_root, founded(), change(**fields)) == "E-KEY-011"


def test_a_revoked_key_leaves_every_role_and_never_comes_back() -> None:
    old = next_root(founded(), change(add={"bundle": (public("pointer"),)}))
    new = next_root(old, change(revoke=(identity("pointer"),)))
    assert new.revoked == (identity("pointer"),)
    assert identity("pointer") not in new.keys
    assert code_of(next_root, new, change(add={"pointer": (public("pointer"),)})) == "E-KEY-011"
    later = next_root(new, change())
    assert later.revoked == new.revoked
    assert code_of(check_successor, new, replace(later, revoked=()), now=NOW) == "E-KEY-011"


def test_a_root_that_names_a_revoked_key_is_refused() -> None:
    bad = replace(founded(), revoked=(identity("pointer"),))
    assert code_of(decode_root, encode_root(bad)) == "E-VER-014"
    twice = replace(founded(), revoked=(identity("nobody"), identity("nobody")))
    assert code_of(decode_root, encode_root(twice)) == "E-VER-014"


def test_a_commit_needs_one_signature_and_no_more() -> None:
    roles: dict[str, Any] = {name: ([public(name)], 1) for name in ("root", "bundle", "pointer")}
    roles["commit"] = ([public("commit"), public("commit-b")], 2)
    two = make_root(version=1, organization="acme", epoch=1, expires=LATER, roles=roles)
    assert code_of(decode_root, encode_root(two)) == "E-VER-014"


def test_a_first_root_needs_as_many_keys_as_have_to_sign() -> None:
    keys = {name: [public(name)] for name in ("root", "bundle", "pointer", "commit")}
    assert code_of(first_root, "acme", keys, expires=LATER, thresholds={"root": 2}) == "E-KEY-011"
    keys["root"] = [public("root"), public("root")]
    assert code_of(first_root, "acme", keys, expires=LATER, thresholds={"root": 2}) == "E-KEY-011"


def test_the_words_say_keys_roles_thresholds_epoch_and_expiry() -> None:
    old = founded()
    new = next_root(
        old,
        change(
            add={"bundle": (public("new"),)},
            remove={"bundle": (identity("bundle-b"),)},
            revoke=(identity("pointer"),),
            thresholds={"root": 3},
            epoch=1,
        ),
    )
    assert differences(old, new) == (
        "The epoch rises from 1 to 2: nodes take pointers of any sequence again.",
        f"The key {identity('new')} may sign for 'bundle'.",
        f"The key {identity('bundle-b')} may not sign for 'bundle' any more.",
        f"The key {identity('pointer')} may not sign for 'pointer' any more.",
        "3 of 3 keys have to sign for 'root', so far 2.",
        f"The key {identity('pointer')} is revoked: what it alone signed counts no more.",
        "It expires on 2027-12-28T20:00:00Z, so far on 2027-11-23T20:00:00Z.",
    )
    assert differences(old, next_root(old, change())) == (
        "It expires on 2027-12-28T20:00:00Z, so far on 2027-11-23T20:00:00Z.",
    )
    first = differences(None, old)
    assert first[0] == "It is root 1 of 'acme', of epoch 1."
    assert "2 of 3 keys have to sign for 'root'." in first


def test_signers_who_never_meet_and_who_has_still_to_sign() -> None:
    old = founded()
    new = next_root(old, change(add={"root": (public("zoe"),)}, remove={"root": (identity("eve"),)}))
    envelope = unsigned_root(new)
    assert code_of(check_signed, envelope, old, new) == "E-KEY-012"
    envelope = dsse.add_signature(envelope, key("zoe"), limit=LIMITS.root)
    envelope = dsse.add_signature(envelope, key("ada"), limit=LIMITS.root)
    of_old, of_new = signing(dsse.read_envelope(envelope, "it", limit=LIMITS.root), old, new)
    assert (of_old.signed, of_old.missing) == ((identity("ada"),), 1)
    assert set(of_old.open) == {identity("bob"), identity("eve")}
    assert (of_new.missing, of_new.open) == (0, (identity("bob"),))
    with pytest.raises(Stalled, match="1 of the 2 signatures that the root keys of root 1") as caught:
        check_signed(envelope, old, new)
    assert caught.value.code == "E-KEY-012"
    # Whoever leaves may still sign that they leave.
    envelope = dsse.add_signature(envelope, key("eve"), limit=LIMITS.root)
    check_signed(envelope, old, new)
    assert read_next(old, envelope, now=NOW) == new


def test_a_forged_signature_of_a_root_key_counts_for_nobody() -> None:
    old = founded()
    new = next_root(old, change())
    other = dsse.read_envelope(sign(next_root(old, change(epoch=1)), "ada", "bob"), "it", limit=LIMITS.root)
    forged = replace(other, payload=dsse.read_envelope(unsigned_root(new), "it", limit=LIMITS.root).payload)
    assert [found.signed for found in signing(forged, old, new)] == [(), ()]


@pytest.mark.parametrize(
    "signers",
    [
        pytest.param(["ada"], id="one key"),
        pytest.param(["ada", "ada"], id="one key twice"),
        pytest.param(["ada", "mallory"], id="an unknown key"),
        pytest.param(["ada", "gone"], id="a revoked key"),
        pytest.param(["ada", "pointer"], id="a key of another role"),
    ],
)
def test_threshold_2_takes_two_of_the_root_keys(signers: list[str]) -> None:
    start = next_root(founded(), change(add={"root": (public("gone"),)}))
    old = next_root(start, change(revoke=(identity("gone"),)))
    new = next_root(old, change())
    assert code_of(read_next, old, sign(new, *signers), now=NOW) == "E-VER-002"
    assert read_next(old, sign(new, "ada", "bob"), now=NOW) == new


@pytest.mark.parametrize(
    ("signers", "code"),
    [
        (["pointer"], "E-VER-003"),
        (["pointer", "pointer"], "E-VER-003"),
        (["pointer", "mallory"], "E-VER-003"),
        (["pointer", "gone"], "E-VER-003"),
        (["pointer", "pointer-b"], ""),
    ],
)
def test_threshold_2_takes_two_of_the_pointer_keys(signers: list[str], code: str) -> None:
    start = next_root(founded(), change(add={"pointer": (public("gone"),)}))
    root = next_root(start, change(revoke=(identity("gone"),), thresholds={"pointer": 2}))
    made = offer()
    keys = [key(name) for name in dict.fromkeys(signers)]
    placed = logged(made.pointer, *[key("pointer"), key("pointer-b")])
    found = Verifier(TrustState(root), AUDIENCE)
    if code:
        assert code_of(found.accept_pointer, sign_pointer(placed, *keys), now=NOW) == code
    else:
        assert found.accept_pointer(sign_pointer(placed, *keys), now=NOW) == placed


def test_a_chain_is_walked_version_by_version() -> None:
    first = founded()
    second = next_root(first, change(add={"root": (public("zoe"),)}, remove={"root": (identity("ada"),)}))
    third = next_root(second, change())
    envelopes = [sign(first, "ada", "bob"), sign(second, "ada", "bob", "zoe"), sign(third, "bob", "zoe")]
    assert read_chain(envelopes, "acme", now=NOW).roots == (first, second, third)
    assert code_of(read_chain, [envelopes[0], envelopes[2]], "acme", now=NOW) == "E-VER-002"
    assert code_of(read_chain, envelopes[1:], "acme", now=NOW) == "E-VER-002"
    assert code_of(read_chain, envelopes, "other", now=NOW) == "E-VER-002"


def test_a_root_signed_by_the_new_keys_only_is_refused() -> None:
    first = founded()
    people = [public("zoe"), public("max")]
    second = next_root(
        first,
        change(
            add={"root": tuple(people)}, remove={"root": (identity("ada"), identity("bob"), identity("eve"))}
        ),
    )
    assert code_of(read_next, first, sign(second, "zoe", "max"), now=NOW) == "E-VER-002"
    assert code_of(read_next, first, sign(second, "ada", "bob"), now=NOW) == "E-VER-002"
    assert read_next(first, sign(second, "zoe", "max", "ada", "bob"), now=NOW) == second


def test_what_was_replaced_still_counts_and_what_was_revoked_does_not() -> None:
    first = founded()
    second = next_root(first, change(remove={"bundle": (identity("bundle"),)}))
    third = next_root(second, change(revoke=(identity("bundle-b"),), add={"bundle": (public("bundle-c"),)}))
    chain = Chain((first, second, third))
    assert set(chain.former("bundle")) == {identity("bundle")}
    assert set(chain.revoked("bundle")) == {identity("bundle-b")}
    assert chain.former("pointer") == {}

    def signed(*names: str) -> dsse.Envelope:
        data = dsse.sign("text/plain", b"payload", [key(name) for name in names])
        return dsse.read_envelope(data, "it", limit=1000)

    assert chain.was_signed(signed("bundle"), "bundle", "text/plain")
    assert chain.was_signed(signed("bundle-c"), "bundle", "text/plain")
    assert not chain.was_signed(signed("bundle-b"), "bundle", "text/plain")
    assert not chain.was_signed(signed("mallory"), "bundle", "text/plain")
    assert not chain.was_signed(signed("bundle"), "pointer", "text/plain")
    assert not chain.was_signed(signed("bundle"), "bundle", "text/html")


def test_what_was_signed_under_a_threshold_needs_it_of_keys_that_still_count() -> None:
    first = founded(bundle=2)
    second = next_root(first, change(add={"bundle": (public("bundle-c"),)}, revoke=(identity("bundle-b"),)))
    chain = Chain((first, second))
    both = dsse.sign("text/plain", b"payload", [key("bundle"), key("bundle-b")])
    assert not chain.was_signed(dsse.read_envelope(both, "it", limit=1000), "bundle", "text/plain")


def test_an_expired_root_and_one_without_commit_keys_are_not_published() -> None:
    old = founded()
    expired = next_root(old, replace(change(), expires=NOW - timedelta(seconds=1)))
    assert code_of(check_successor, old, expired, now=NOW) == "E-KEY-011"
    bare = replace(
        next_root(old, change()), roles={**old.roles, "commit": replace(old.roles["commit"], keyids=())}
    )
    assert code_of(check_successor, old, bare, now=NOW) == "E-KEY-011"


def test_unsigned_is_refused_by_every_reader() -> None:
    with pytest.raises(Refused):
        read_chain([unsigned_root(founded())], "acme", now=NOW)
