"""Which addresses may be asked."""

from __future__ import annotations

from ipaddress import ip_address, ip_network

import pytest

from reconciler.egress.addresses import refusal


@pytest.mark.parametrize(
    "address", ["93.184.215.14", "1.1.1.1", "2606:4700:4700::1111", "::ffff:1.1.1.1", "64:ff9b::101:101"]
)
def test_public_addresses_may_be_asked(address: str) -> None:
    assert refusal(ip_address(address), ()) == ""


@pytest.mark.parametrize(
    ("address", "words"),
    [
        ("127.0.0.1", "the machine itself"),
        ("127.8.8.8", "the machine itself"),
        ("0.0.0.0", "the machine itself"),  # noqa: S104
        ("::1", "the machine itself"),
        ("::", "the machine itself"),
        ("10.1.2.3", "private"),
        ("172.16.0.1", "private"),
        ("192.168.1.1", "private"),
        ("100.64.0.1", "private"),
        ("192.0.2.1", "private"),
        ("198.18.0.1", "private"),
        ("240.0.0.1", "private"),
        ("255.255.255.255", "private"),
        ("224.0.0.1", "multicast"),
        ("ff02::1", "multicast"),
        ("169.254.1.1", "link-local"),
        ("fe80::1", "link-local"),
        ("fc00::1", "private"),
        ("fec0::1", "private"),
        ("2001:db8::1", "private"),
        ("64:ff9b:1::a00:1", "private"),
        ("169.254.169.254", "credentials"),
        ("168.63.129.16", "credentials"),
        ("100.100.100.200", "credentials"),
        ("fd00:ec2::254", "credentials"),
        ("::ffff:127.0.0.1", "the machine itself"),
        ("::ffff:10.0.0.1", "private"),
        ("::ffff:169.254.169.254", "credentials"),
        ("::10.0.0.1", "private"),
        ("64:ff9b::7f00:1", "the machine itself"),
        ("64:ff9b::a9fe:a9fe", "credentials"),
        ("2002:7f00:1::", "the machine itself"),
        ("2002:a9fe:a9fe::1", "credentials"),
    ],
)
def test_others_may_not(address: str, words: str) -> None:
    assert words in refusal(ip_address(address), ())
    assert words in refusal(ip_address(address), (ip_network("203.0.113.0/24"),))


def test_what_is_allowed_may_be_asked() -> None:
    allowed = (ip_network("10.1.0.0/16"), ip_network("127.0.0.1"), ip_network("fd12::/16"))
    assert refusal(ip_address("10.1.2.3"), allowed) == ""
    assert refusal(ip_address("127.0.0.1"), allowed) == ""
    assert refusal(ip_address("fd12::7"), allowed) == ""
    assert refusal(ip_address("::ffff:10.1.2.3"), allowed) == ""
    assert refusal(ip_address("10.2.0.1"), allowed)
    assert refusal(ip_address("127.0.0.2"), allowed)


def test_metadata_is_allowed_only_by_name() -> None:
    metadata = ip_address("169.254.169.254")
    assert refusal(metadata, (ip_network("169.254.0.0/16"), ip_network("0.0.0.0/0")))
    assert refusal(metadata, (ip_network("169.254.169.254"),)) == ""
