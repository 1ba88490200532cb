"""Sealed values: for the key of their environment, and there wherever a secret is named."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.bundle.sealed import SealedValue, key_id, parse_sealed
from reconciler.config.credentials import Sealed
from reconciler.config.sealing import EXAMPLE_KEY, public_key_id
from reconciler.config.secret_age import age_in_days, due_secrets, is_due
from reconciler.errors import Refused
from tests.unit.config.trees import KEYS, SERVICE, UPSTREAM, brief, read, sealed_text, secret, sound

CERTIFICATE = """\
certificate "shop" {
    names "shop.example"
    key "shop-key"
    acme {
        email "a@b.example"
    }
}
"""
POLICY = """\
auth-policy "partners" {
    api-key {
        secrets "${secret:one}" "${secret:two}"
    }
    for "dev" {
        api-key {
            secrets "${secret:three}"
        }
    }
}
"""
CHANNEL = """\
notification-channel "chat" {
    slack {
        url "${secret:chat}"
    }
}
notification-rule "failures" {
    events "rollout.*"
    channels "chat"
    environments "production"
}
"""
PROBE = """\
health-check "shop" {
    url "https://shop.example/"
    header "Authorization" "${secret:probe}"
    only "dev"
}
"""


def test_the_id_of_a_key_is_the_same_for_who_reads_and_who_seals() -> None:
    assert public_key_id(EXAMPLE_KEY) == key_id(bytes.fromhex(EXAMPLE_KEY))


SEALED = sealed_text("dev", "x")


@given(
    st.one_of(
        st.builds(
            lambda at, character: SEALED[:at] + character + SEALED[at + 1 :],
            st.integers(0, len(SEALED) - 1),
            st.sampled_from("ABCDEFGHZabcdwxyz0189-_.=v /+é"),
        ),
        st.integers(0, len(SEALED)).map(lambda at: SEALED[:at]),
        st.text("vA1._-", max_size=12),
        st.integers(27, 31).map(lambda n: SealedValue("0" * 16, bytes(80), bytes(n)).text()),
        st.integers(65562, 65566).map(lambda n: SealedValue("0" * 16, bytes(80), bytes(n)).text()),
    )
)
def test_the_language_takes_exactly_what_can_be_parsed(text: str) -> None:
    try:
        parsed = parse_sealed(text).text() == text
    except Refused:
        parsed = False
    assert isinstance(Sealed().read(text), str) is parsed


@pytest.mark.parametrize(
    ("texts", "found"),
    [
        ((POLICY, secret("one"), secret("two"), secret("three")), []),
        # In dev the override names another secret, so the base needs values for production alone.
        (
            (
                POLICY,
                secret("one", environments=["production"]),
                secret("two"),
                secret("three", environments=["dev"]),
            ),
            [],
        ),
        (
            (POLICY, secret("one", environments=["dev"]), secret("two"), 'secret "three"\n'),
            ["E-SEA-001 1.kdl:3:17", "E-SEA-001 1.kdl:7:21"],
        ),
        ((CHANNEL, secret("chat", environments=["production"])), []),
        ((CHANNEL, secret("chat", environments=["dev"])), ["E-SEA-001 1.kdl:3:13"]),
        ((CHANNEL.replace("notification-rule", "/-notification-rule"), 'secret "chat"\n'), []),
        (
            (
                CHANNEL.replace('    environments "production"\n', ""),
                secret("chat", environments=["production"]),
            ),
            ["E-SEA-001 1.kdl:3:13"],
        ),
        ((PROBE, secret("probe", environments=["dev"])), []),
        ((PROBE, secret("probe", environments=["production"])), ["E-SEA-001 1.kdl:3:28"]),
    ],
)
def test_who_names_a_secret_needs_a_value_in_each_of_its_environments(
    texts: tuple[str, ...], found: list[str]
) -> None:
    snapshot, findings = read(SERVICE, UPSTREAM, *texts)
    assert brief(findings) == [text.replace(" 1.kdl", " 3.kdl") for text in found]
    assert (snapshot is None) is bool(found)
    assert all("sentinelctl secret set" in finding.hint for finding in findings)


def test_a_certificate_names_its_key_by_its_name() -> None:
    text = CERTIFICATE.replace('    acme {\n        email "a@b.example"\n    }\n', "")
    _, findings = read(SERVICE, UPSTREAM, text, secret("shop-key", environments=["dev"]))
    assert "E-SEA-001 3.kdl:3:9" in brief(findings)
    (finding,) = [f for f in findings if f.code == "E-SEA-001"]
    assert finding.message == "the secret 'shop-key' has no value for production"
    assert finding.hint == "run: sentinelctl secret set shop-key --environment production"


def test_a_value_for_another_key_is_found_with_both_ids() -> None:
    text = secret("one").replace(key_id(bytes(KEYS["production"].public_key)), "0123456789abcdef")
    _, (finding,) = read(text)
    assert brief((finding,)) == ["E-SEA-002 1.kdl:3:25"]
    assert "0123456789abcdef" in finding.message
    assert key_id(bytes(KEYS["production"].public_key)) in finding.expected
    assert "secret rewrap --environment production" in finding.hint


def test_an_environment_without_a_key_takes_no_values() -> None:
    staging = 'environment "staging" {\n    proxy-version "0.6.20"\n}\n'
    text = secret("one", environments=["dev"]).replace('"dev"', '"staging"')
    _, (finding,) = read(staging, text)
    assert brief((finding,)) == ["E-SEA-003 2.kdl:2:22"]
    assert "secret keygen" in finding.hint


def test_a_copied_value_is_found_at_the_copy() -> None:
    copied = secret("one") + secret("two").replace(
        sealed_text("production", "two 1"), sealed_text("production", "one 1")
    )
    _, (finding,) = read(copied)
    assert brief((finding,)) == ["E-SEA-004 1.kdl:7:12"]
    assert "one in production" in finding.message
    assert sealed_text("production", "one 1") not in str(finding)


@pytest.mark.parametrize(
    ("key", "code"),
    [
        ("00" * 32, "E-VAL-004"),
        ("e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800", "E-VAL-004"),  # Small order.
        (EXAMPLE_KEY[:-1], "E-VAL-004"),
        (EXAMPLE_KEY.upper(), "E-VAL-004"),
        (EXAMPLE_KEY, None),
    ],
)
def test_what_may_be_a_sealing_key(key: str, code: str | None) -> None:
    text = f'environment "staging" {{\n    proxy-version "0.6.20"\n    sealing-key "{key}"\n}}\n'
    _, findings = read(SERVICE, UPSTREAM, text)
    assert brief(findings) == ([] if code is None else [f"{code} 3.kdl:3:17"])


def test_a_secret_that_is_due_is_a_warning_from_its_day_on() -> None:
    text = secret("one", 'rotate-every "90d"').replace("version=1", 'version=1 rotated="2026-08-01"', 1)
    text = text.replace("version=1\n", 'version=1 rotated="2026-11-01"\n')
    snapshot = sound(text)
    assert due_secrets(snapshot, date(2026, 10, 29)) == ()
    (finding,) = due_secrets(snapshot, date(2026, 10, 30))
    assert (finding.code, str(finding.severity)) == ("W-SEA-001", "warning")
    assert brief((finding,)) == ["W-SEA-001 1.kdl:3:12"]
    assert finding.message == "the secret 'one' is 90 days old in dev"
    assert finding.expected == "a value of the last 90 days"
    assert finding.hint == "run: sentinelctl secret rotate one --environment dev"
    assert len(due_secrets(snapshot, date(2027, 2, 1))) == 2


def test_ages() -> None:
    assert age_in_days(date(2026, 11, 25), date(2026, 11, 24)) == 0
    assert age_in_days(date(2026, 11, 1), date(2026, 11, 24)) == 23
    assert not is_due(date(2000, 1, 1), None, date(2026, 11, 24))


def test_a_value_without_a_day_has_no_age_that_could_be_watched() -> None:
    _, (finding,) = read(secret("one", 'rotate-every "90d"', environments=["dev"]))
    assert brief((finding,)) == ["E-KND-005 1.kdl:3:12"]
    assert "rotated=" in finding.message
