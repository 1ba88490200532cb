"""Chains as somebody issued them: order, signatures, strength and names, each told at the line that names the file."""

from __future__ import annotations

import re
import ssl
from datetime import timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed25519
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID

from reconciler.config.findings import Finding, Severity
from reconciler.config.pem import certificates, written
from reconciler.config.snapshot import read_snapshot
from reconciler.config.source import SourceFile
from reconciler.config.x509 import is_issued_by
from tests.unit.config.attachments import ISSUER, LEAF
from tests.unit.config.issuing import NOW, Issued, issue, rsa_key
from tests.unit.config.trees import brief, files, secret

CERTIFICATE = """\
certificate "shop" {
    names "shop.example"
    chain "shop.pem"
    key "shop-key"
}
"""
CHAIN = "1.kdl:3:11"

# The library signs nothing with SHA-1 any more; openssl did. Its key is thrown away.
SIGNED_WITH_SHA1 = b"""\
-----BEGIN CERTIFICATE-----
MIIBkjCCATmgAwIBAgIUSvm+Ir6/jN3mK7mjDXWgUVuzTmowCQYHKoZIzj0EATAV
MRMwEQYDVQQDDApPbGQgaXNzdWVyMB4XDTI2MTEyNDE5MDA1NFoXDTM2MTEyMTE5
MDA1NFowFzEVMBMGA1UEAwwMc2hvcC5leGFtcGxlMFkwEwYHKoZIzj0CAQYIKoZI
zj0DAQcDQgAEaUDcA4RPzw8jcswNRLuZEbH1vABfY0GVZc2yieEjthSTsSVP7mbA
ZskT0CsPoMFv8AO3WuyG8GmuPq9n1OrGI6NmMGQwFwYDVR0RBBAwDoIMc2hvcC5l
eGFtcGxlMAkGA1UdEwQCMAAwHQYDVR0OBBYEFAmsqenVX3ZXojIvcz2YmiIJJBNE
MB8GA1UdIwQYMBaAFKdvU1Yis956pTmI1GeIYx36ATt0MAkGByqGSM49BAEDSAAw
RQIgZIsxOZfj0JG7T1KMYu2sYIf3FJ2bjj5ho1+h0TPvH/8CIQDUzoYdSgR6ngGN
88mqFFUcxyP/vTysDQGmFi5sF7zBrg==
-----END CERTIFICATE-----
"""


@pytest.fixture(scope="module")
def root() -> Issued:
    return issue("A root", ca=True)


@pytest.fixture(scope="module")
def middle(root: Issued) -> Issued:
    return issue("A middle", by=root, ca=True)


@pytest.fixture(scope="module")
def leaf(middle: Issued) -> Issued:
    return issue("shop.example", "shop.example", by=middle)


def found(content: bytes) -> tuple[Finding, ...]:
    return read_snapshot([*files(CERTIFICATE, secret("shop-key")), SourceFile("shop.pem", content)])[1]


def test_a_chain_may_leave_the_root_out(root: Issued, middle: Issued, leaf: Issued) -> None:
    assert found(leaf.chain) == found(leaf.pem + middle.pem) == ()
    assert root.pem in leaf.chain


def test_a_certificate_that_issued_itself_is_whole() -> None:
    assert found(issue("shop.example", "shop.example").pem) == ()


@pytest.mark.parametrize(
    "order", ["leaf root", "middle leaf root", "leaf root middle", "leaf leaf", "leaf middle middle"]
)
def test_out_of_order(order: str, root: Issued, middle: Issued, leaf: Issued) -> None:
    named = {"root": root, "middle": middle, "leaf": leaf}
    content = b"".join(named[name].pem for name in order.split())
    assert [one for one in brief(found(content)) if "PEM-003" not in one] == [f"E-PEM-002 {CHAIN}"]


def test_a_certificate_that_ends_before_it_begins() -> None:
    # The library issues none, so the two moments are put the other way round afterwards.
    der = issue("shop.example", "shop.example").certificate.public_bytes(Encoding.DER)
    moment = re.compile(rb"\x17\x0d([0-9]{12}Z)" * 2)
    turned, count = moment.subn(lambda found: b"\x17\x0d%b\x17\x0d%b" % (found[2], found[1]), der)
    assert count == 1
    content = ssl.DER_cert_to_PEM_cert(turned).encode()
    assert brief(found(content)) == [f"E-PEM-004 {CHAIN}"]


def test_an_issuer_has_to_be_one(root: Issued) -> None:
    server = issue("a.example", "a.example", by=root)
    below = issue("shop.example", "shop.example", by=server)
    (finding,) = found(below.chain)
    assert (finding.code, finding.message) == ("E-PEM-002", "certificate 2 of the chain may not issue others")


def test_a_key_of_the_right_name_is_not_the_right_key(root: Issued, leaf: Issued) -> None:
    other = issue("A middle", by=root, ca=True)
    (finding,) = found(leaf.pem + other.pem + root.pem)
    assert finding.code == "E-PEM-006"
    assert "certificate 1" in finding.message
    real, wrong = certificates(leaf.pem + other.pem)
    assert not is_issued_by(real, wrong)


def test_without_its_issuer_it_is_a_warning(leaf: Issued) -> None:
    (finding,) = found(leaf.pem)
    assert (finding.code, finding.severity) == ("W-PEM-001", Severity.warning)
    assert "A middle" in finding.message


def test_ten_are_enough(root: Issued) -> None:
    assert brief(found(issue("shop.example", "shop.example", by=root).pem + root.pem * 10)) == [
        f"E-PEM-002 {CHAIN}"
    ]


def test_weak_keys_and_signatures() -> None:
    name = "shop.example"
    small = issue(name, name, key=rsa_key(1024))
    curve = issue(name, name, key=ec.generate_private_key(ec.SECP256K1()))
    kind = issue(name, name, key=dsa.generate_private_key(2048))
    for one, word in ((small, "1024 bits"), (curve, "secp256k1"), (kind, "DSA")):
        (finding,) = found(one.pem)
        assert finding.code == "E-PEM-007"
        assert word in finding.message
    assert found(issue(name, name, key=rsa_key()).pem) == ()


def test_a_signature_with_sha1() -> None:
    assert certificates(SIGNED_WITH_SHA1)[0].weak == "its signature uses SHA1"
    assert brief(found(SIGNED_WITH_SHA1)) == [f"E-PEM-007 {CHAIN}", f"W-PEM-001 {CHAIN}"]


def test_browsers_take_no_ed25519() -> None:
    one = issue("shop.example", "shop.example", key=ed25519.Ed25519PrivateKey.generate())
    assert brief(found(one.pem)) == [f"W-PEM-002 {CHAIN}"]


def test_the_clock_is_not_asked() -> None:
    past = issue("shop.example", "shop.example", begins=NOW - timedelta(days=4000), days=10)
    assert found(past.pem) == ()


def test_names_for_people_hold_nothing_else() -> None:
    (one,) = certificates(issue("\u202eevil\x1b[31m\n", "shop.example").pem)
    assert one.subject == one.issuer == "\ufffdevil\ufffd[31m\ufffd"


def test_usages() -> None:
    def usable(*usages: object) -> tuple[bool, bool]:
        (one,) = certificates(issue("a", "a.example", usages=usages or None).pem)  # type: ignore[arg-type]
        return one.for_servers, one.for_clients

    assert usable() == (True, True)
    assert usable(ExtendedKeyUsageOID.SERVER_AUTH) == (True, False)
    assert usable(ExtendedKeyUsageOID.CLIENT_AUTH) == (False, True)
    assert usable(ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE) == (True, True)
    assert usable(ExtendedKeyUsageOID.CODE_SIGNING) == (False, False)


def test_what_is_written_is_the_same_whatever_was_read() -> None:
    odd = b"subject=shop\r\n" + LEAF.replace(b"\n", b"\r\n") + b"  a note\n" + ISSUER
    assert written(certificates(odd)) == LEAF + ISSUER
