"""Certificates, trust stores and plugins: the files they name have to be there and to be what is said of them."""

from __future__ import annotations

import hashlib

import pytest

from reconciler.config import limits
from reconciler.config.findings import Finding
from reconciler.config.pem import NotPem, certificates
from reconciler.config.snapshot import Snapshot, read_snapshot
from reconciler.config.source import SourceFile
from tests.unit.config.attachments import ISSUER, KEY, LEAF, WASM
from tests.unit.config.trees import brief, files, secret

CERTIFICATE = """\
certificate "shop" {
    names "shop.example" "www.shop.example"
    chain "certificates/shop.pem"
    key "shop-key"
}
""" + secret("shop-key")
STORE = """\
trust-store "internal" {
    files "certificates/ca.pem"
}
"""
PLUGIN = """\
plugin "geo" {
    type "wasm"
    file "plugins/geo.wasm"
}
"""


def read(*texts: str, **attached: bytes) -> tuple[Snapshot | None, tuple[Finding, ...]]:
    paths = {"shop": "certificates/shop.pem", "ca": "certificates/ca.pem", "geo": "plugins/geo.wasm"}
    others = [SourceFile(paths.get(name, name), content) for name, content in attached.items()]
    return read_snapshot([*files(*texts), *others])


def test_what_is_right_is_right() -> None:
    snapshot, findings = read(CERTIFICATE, STORE, PLUGIN, shop=LEAF + ISSUER, ca=ISSUER, geo=WASM)
    assert (snapshot is not None, findings) == (True, ())


def test_text_between_the_certificates_is_passed_over() -> None:
    chain = certificates(b"subject=shop\n" + LEAF + b"issuer:\n" + ISSUER)
    assert [certificate.is_issuer for certificate in chain] == [False, True]
    assert chain[0].hosts == ("*.shop.example", "shop.example")
    assert chain[0].issuer == chain[1].subject
    assert chain[0].begins < chain[0].expires


@pytest.mark.parametrize(
    ("content", "found"),
    [
        (ISSUER + LEAF, ["E-PEM-002 1.kdl:3:11", "E-PEM-003 1.kdl:2:11", "E-PEM-003 1.kdl:2:26"]),
        (LEAF + LEAF, ["E-PEM-002 1.kdl:3:11"]),
        (b"", ["E-PEM-001 1.kdl:3:11"]),
        (b"\xff", ["E-PEM-001 1.kdl:3:11"]),
        (LEAF[:200], ["E-PEM-001 1.kdl:3:11"]),
        (LEAF.replace(b"MIIBrj", b"MIIArj"), ["E-PEM-001 1.kdl:3:11"]),
        (LEAF.replace(b"CERTIFICATE", b"X509 CRL"), ["E-PEM-001 1.kdl:3:11"]),
        (b"-----BEGIN A-----\n" * 600, ["E-PEM-001 1.kdl:3:11"]),
        (LEAF + KEY, ["E-TRE-006 certificates/shop.pem:13:1"]),
        (b"x" * (limits.ATTACHED_BYTES + 1), ["E-PEM-001 1.kdl:3:11", "E-TRE-007 certificates/shop.pem:1:1"]),
    ],
)
def test_chains(content: bytes, found: list[str]) -> None:
    _, findings = read(CERTIFICATE, shop=content)
    assert sorted(brief(findings)) == sorted(found)
    assert all(f.hint and f.expected for f in findings)


@pytest.mark.parametrize(
    ("before", "after", "found"),
    [
        ('"www.shop.example"', '"shop.other"', ["E-PEM-003 1.kdl:2:26"]),
        ('"www.shop.example"', '"a.b.shop.example"', ["E-PEM-003 1.kdl:2:26"]),
        ('"www.shop.example"', '"*.shop.example"', []),
        ("certificates/shop.pem", "certificates/shp.pem", ["E-REF-005 1.kdl:3:11"]),
        ("certificates/shop.pem", "../shop.pem", ["E-VAL-004 1.kdl:3:11"]),
        ("certificates/shop.pem", "shop.txt", ["E-VAL-004 1.kdl:3:11"]),
        ("certificates/shop.pem", "/etc/shop.pem", ["E-VAL-004 1.kdl:3:11"]),
        ('key "shop-key"', 'key "shop-kye"', ["E-REF-001 1.kdl:4:9"]),
        ('    key "shop-key"\n', "", ["E-KND-003 1.kdl:1:13"]),
        (
            'key "shop-key"',
            'key "shop-key"\n    acme {\n        email "a@b.example"\n    }',
            ["E-VAL-009 1.kdl:3:5"],
        ),
        (
            '    chain "certificates/shop.pem"\n    key "shop-key"\n',
            '    acme {\n        email "a@b"\n    }\n',
            ["E-VAL-004 1.kdl:4:15"],
        ),
        (
            '"www.shop.example"\n    chain "certificates/shop.pem"\n    key "shop-key"\n',
            '"*.shop.example"\n    acme {\n        email "a@b.example"\n    }\n',
            ["E-VAL-009 1.kdl:2:26"],
        ),
    ],
)
def test_certificates(before: str, after: str, found: list[str]) -> None:
    assert CERTIFICATE.count(before) == 1
    _, findings = read(CERTIFICATE.replace(before, after), shop=LEAF + ISSUER)
    assert brief(findings) == found


def test_a_missing_file_has_a_suggestion() -> None:
    _, (finding,) = read(CERTIFICATE.replace("shop.pem", "shp.pem"), shop=LEAF)
    assert finding.hint == "did you mean 'certificates/shop.pem'?"


def test_trust_stores_hold_issuers() -> None:
    assert brief(read(STORE)[1]) == ["E-REF-005 1.kdl:2:11"]
    assert brief(read(STORE, ca=LEAF)[1]) == ["E-PEM-005 1.kdl:2:11"]
    assert brief(read(STORE, ca=b"none")[1]) == ["E-PEM-001 1.kdl:2:11"]


def test_plugins() -> None:
    assert brief(read(PLUGIN)[1]) == ["E-REF-005 1.kdl:3:10"]
    assert brief(read(PLUGIN, geo=b"\x7fELF")[1]) == ["E-PLG-001 1.kdl:3:10"]
    assert brief(read(PLUGIN.replace('"wasm"', '"lua"'), geo=WASM)[1]) == ["E-VAL-009 1.kdl:3:10"]
    lua = PLUGIN.replace('"wasm"', '"lua"').replace("geo.wasm", "geo.lua")
    for content, found in (
        (b"return 1\n", []),
        (b"\x1bLua", ["E-PLG-001 1.kdl:3:10"]),
        (b" ", ["E-PLG-001 1.kdl:3:10"]),
    ):
        _, findings = read_snapshot([*files(lua), SourceFile("plugins/geo.lua", content)])
        assert brief(findings) == found
    digest = hashlib.sha256(WASM).hexdigest()
    pinned = PLUGIN.replace("\n}", f'\n    sha256 "{digest}"\n}}')
    assert read(pinned, geo=WASM)[1] == ()
    assert brief(read(pinned, geo=WASM + b"\0")[1]) == ["E-PLG-002 1.kdl:4:12"]


def test_a_private_key_is_found_though_nothing_names_it() -> None:
    _, (finding,) = read("", **{"old.key": KEY})
    assert brief((finding,)) == ["E-TRE-006 old.key:1:1"]
    assert "MHc" not in str(finding)


def test_a_file_that_differs_in_an_environment() -> None:
    text = STORE.replace("\n}", '\n    for "production" {\n        files "certificates/none.pem"\n    }\n}')
    assert brief(read(text, ca=ISSUER)[1]) == ["E-REF-005 1.kdl:4:15"]


@pytest.mark.parametrize("cut", range(0, 400, 7))
def test_any_cut_certificate_is_refused(cut: int) -> None:
    import base64

    der = base64.b64decode(b"".join(LEAF.split(b"\n")[1:-2]))
    for content in (der[:cut], der[:cut] + b"\xff" * 40 + der[cut + 40 :]):
        text = b"-----BEGIN CERTIFICATE-----\n" + base64.b64encode(content) + b"\n-----END CERTIFICATE-----\n"
        try:
            certificates(text)
        except NotPem:
            continue
        assert len(content) == len(der)


def test_a_plugin_without_type_or_file_lacks_them_and_no_more() -> None:
    assert brief(read('plugin "geo" {\n    type "wasm"\n}\n')[1]) == ["E-KND-003 1.kdl:1:1"]
    assert brief(read('plugin "geo" {\n    file "plugins/geo.wasm"\n}\n')[1]) == ["E-KND-003 1.kdl:1:1"]
