"""What a bill of materials tells beside files: one digest of what was compiled, and where requests go."""

from __future__ import annotations

import json

import pytest
from nacl.public import PrivateKey

from reconciler.bundle import archive
from reconciler.bundle.build import build_bundle
from reconciler.bundle.sealed import SealedValue, key_id
from reconciler.compile.compiler import Compilation, compile_snapshot
from reconciler.config.snapshot import read_snapshot
from reconciler.config.source import SourceFile

PUBLIC = bytes(PrivateKey(bytes(range(32))).public_key)
TREE = """project "shop" {
    title "Shop"
}
environment "dev" {
    proxy-version "0.6.20"
    sealing-key "%(key)s"
}
environment "production" {
    proxy-version "0.6.20"
    after "dev"
    sealing-key "%(key)s"
}
listener "public" {
    address "0.0.0.0:8080"
}
upstream "app" {
    target "10.0.0.1:3000"
    target "10.0.0.1:3001"
    for "production" {
        target "[2001:db8::1]:3000"
        tls {
            sni "app.example.com"
        }
    }
}
upstream "canary" {
    target "canary.internal:3000"
}
upstream "unused" {
    target "unused.internal:3000"
}
waf-policy "public" {
    description "Everything public"
    for "production" {
        description "Production"
    }
}
service "app" {
    hosts "app.example.com"
    upstream "app"
}
upstream "blue" {
    target "blue.internal:3000"
}
service "split" {
    hosts "split.example.com"
    split "blue" weight=90
    split "canary" weight=10
}
secret "token" {
    description "What it opens"
    sealed "production" "%(sealed)s" version=%(version)s rotated="%(rotated)s"
}
"""


def compiled(text: str) -> Compilation:
    snapshot, findings = read_snapshot([SourceFile("all.kdl", text.encode())])
    assert snapshot is not None, findings
    compilation, findings = compile_snapshot(snapshot)
    assert compilation is not None, findings
    return compilation


def sealed(filling: bytes, wrapping: bytes = b"w") -> str:
    """Something of a sealed value's form."""
    return SealedValue(key_id(PUBLIC), wrapping * 80, filling * 40).text()


def tree(**changes: str) -> str:
    fields = {"key": PUBLIC.hex(), "sealed": sealed(b"a"), "version": "1", "rotated": "2026-11-24"}
    return TREE % {**fields, **changes}


def test_endpoints_are_those_that_services_lead_to() -> None:
    dev, production = compiled(tree()).environments
    assert dev.endpoints == (
        "http://10.0.0.1:3000",
        "http://10.0.0.1:3001",
        "http://blue.internal:3000",
        "http://canary.internal:3000",
    )
    assert production.endpoints == (
        "http://blue.internal:3000",
        "http://canary.internal:3000",
        "https://[2001:0db8:0000:0000:0000:0000:0000:0001]:3000",
    )


@pytest.mark.parametrize(
    "other",
    [
        pytest.param(tree(sealed=sealed(b"a", b"x"), rotated="2026-11-25"), id="a key that is wrapped again"),
        pytest.param(tree().replace('"What it opens"', '"What it closes"'), id="a description of a secret"),
        pytest.param(tree().replace('"Everything public"', '"All"'), id="a description"),
        pytest.param(tree().replace('"Production"', '"Prod"'), id="a description for one environment"),
        pytest.param(
            tree()
            .replace('"Shop"', '"The shop"')
            .replace('after "dev"', 'after "dev"\n    policy {\n        promote "manual"\n    }'),
            id="a title and a policy",
        ),
        pytest.param(
            tree()
            + 'freeze-window "june" {\n reason "Peak"\n zone "UTC"\n weekly "friday 16:00" "monday 08:00"\n}\n',
            id="a freeze window",
        ),
    ],
)
def test_what_is_not_compiled_makes_no_other_bundle(other: str) -> None:
    assert other != tree()
    assert build_bundle(compiled(other)).tar == build_bundle(compiled(tree())).tar


@pytest.mark.parametrize(
    "other",
    [
        pytest.param(tree(version="2"), id="another version of a secret"),
        pytest.param(tree(sealed=sealed(b"b")), id="another value of a secret"),
        pytest.param(tree().replace("unused.internal", "other.internal"), id="an upstream that nothing uses"),
        pytest.param(tree().replace("10.0.0.1:3001", "10.0.0.1:3002"), id="a target"),
    ],
)
def test_what_is_compiled_has_another_digest(other: str) -> None:
    assert compiled(other).snapshot_sha256 != compiled(tree()).snapshot_sha256


def test_no_sealed_byte_is_in_any_file_of_the_bundle() -> None:
    text = sealed(b"a")
    for content in archive.unpack(build_bundle(compiled(tree())).blob).values():
        assert text.split(".")[3].encode() not in content
        assert text.encode() not in content


def test_it_survives_the_way_out_of_the_confined_child() -> None:
    compilation = compiled(tree())
    assert (
        Compilation.from_json(json.loads(json.dumps(compilation.to_json(bytes.hex))), bytes.fromhex)
        == compilation
    )


def test_the_bill_names_the_snapshot_and_the_hosts() -> None:
    compilation = compiled(tree())
    document = json.loads(archive.unpack(build_bundle(compilation).blob)["sbom.cdx.json"])
    (snapshot,) = [c for c in document["components"] if c["bom-ref"] == "snapshot"]
    assert snapshot["hashes"] == [{"alg": "SHA-256", "content": compilation.snapshot_sha256}]
    assert {service["name"] for service in document["services"]} == {
        "10.0.0.1",
        "2001:0db8:0000:0000:0000:0000:0000:0001",
        "blue.internal",
        "canary.internal",
    }
