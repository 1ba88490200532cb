"""TLS as it is emitted: the resources in, what the proxy gets out, what the bundle carries, and what is told."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from datetime import timedelta

import pytest
from cryptography.x509.oid import ExtendedKeyUsageOID

from reconciler.bundle import archive
from reconciler.bundle.build import build_bundle
from reconciler.compile.compiler import Compilation, CompiledEnvironment, compile_snapshot
from reconciler.compile.diff.changes import Action, Difference
from reconciler.compile.diff.compare import compare_environments
from reconciler.compile.diff.text import difference_text
from reconciler.compile.expiry import expiry_findings
from reconciler.compile.risk import Level, assess
from reconciler.config.findings import Finding, Severity
from reconciler.config.pem import certificates, written
from reconciler.config.snapshot import Snapshot, read_snapshot
from reconciler.config.source import SourceFile
from tests.unit.compile.accepted import objections
from tests.unit.compile.compiled import kdl
from tests.unit.compile.compiled import written as node_of
from tests.unit.config.attachments import WASM
from tests.unit.config.issuing import NOW, Issued, issue
from tests.unit.config.trees import BASE, UPSTREAM, brief, secret

ROOT = issue("Shop root", ca=True, days=4000)
SHOP = issue("shop.example", "shop.example", "*.shop.example", by=ROOT)
EDGE = issue("edge", "edge.example", by=ROOT, usages=[ExtendedKeyUsageOID.CLIENT_AUTH])

CERTIFICATE = """\
certificate "shop" {
    names "shop.example"
    chain "pem/shop.pem"
    key "shop-key"
}
"""
LISTENER = """\
listener "secure" {
    address "0.0.0.0:8443"
    protocol "https"
    certificate "shop"
}
"""
SERVICE = """\
service "orders" {
    hosts "shop.example" "www.shop.example"
    path-prefix "/orders"
    upstream "orders"
}
"""
TEXTS = {"cert": CERTIFICATE, "listener": LISTENER, "service": SERVICE, "upstream": UPSTREAM}
PEM = {"pem/shop.pem": SHOP.chain}

CLIENT = """\
certificate "edge" {
    names "edge.example"
    chain "pem/edge.pem"
    key "edge-key"
}
trust-store "internal" {
    files "pem/root.pem"
}
upstream "orders" {
    target "10.0.0.1:443"
    tls {
        sni "orders.internal"
        client-certificate "edge"
        trust-store "internal"
    }
}
"""
CLIENTS = {"service": SERVICE, "upstream": CLIENT}
CLIENT_PEM = {"pem/edge.pem": EDGE.chain, "pem/root.pem": ROOT.pem}


def snapshot(
    texts: Mapping[str, str] = TEXTS, attached: Mapping[str, bytes] = PEM, *, version: int = 1
) -> tuple[Snapshot | None, tuple[Finding, ...]]:
    tree = {
        "base.kdl": BASE,
        "secrets.kdl": secret("shop-key", version=version) + secret("edge-key", version=version),
        **{f"{name}.kdl": text for name, text in texts.items()},
    }
    sources = [SourceFile(path, text.encode()) for path, text in tree.items()]
    return read_snapshot([*sources, *(SourceFile(path, content) for path, content in attached.items())])


def compiled(
    texts: Mapping[str, str] = TEXTS, attached: Mapping[str, bytes] = PEM, *, version: int = 1
) -> Compilation:
    found, findings = snapshot(texts, attached, version=version)
    assert found is not None, "\n".join(map(str, findings))
    compilation, findings = compile_snapshot(found)
    assert compilation is not None, "\n".join(map(str, findings))
    return compilation


def told(texts: Mapping[str, str] = TEXTS, attached: Mapping[str, bytes] = PEM) -> list[str]:
    found, findings = snapshot(texts, attached)
    findings = compile_snapshot(found)[1] if found is not None else findings
    assert all(finding.hint for finding in findings)
    return brief(findings)


def edited(old: str, new: str, texts: Mapping[str, str] = TEXTS) -> dict[str, str]:
    assert sum(text.count(old) for text in texts.values()) == 1, old
    return {name: text.replace(old, new) for name, text in texts.items()}


def dev(*args: object, **more: object) -> CompiledEnvironment:
    return compiled(*args, **more).environments[0]  # type: ignore[arg-type]


def test_an_https_listener() -> None:
    environment = dev()
    assert node_of(environment.config.decode(), "listeners", "secure") == kdl("""
        listener "secure" {
            address "0.0.0.0:8443"
            protocol "https"
            request-timeout-secs 60
            keepalive-timeout-secs 75
            tls {
                cert-file "${bundle:certificates/shop.pem}"
                key-file "${secret-file:shop-key}"
            }
        }
        """)
    assert objections(environment.config) == []
    assert environment.files == {"certificates/shop.pem": SHOP.chain}
    assert {name: p.version for name, p in environment.secrets.items()} == {"shop-key": 1}


def test_an_upstream_that_shows_a_certificate() -> None:
    environment = dev(CLIENTS, CLIENT_PEM)
    assert node_of(environment.config.decode(), "upstreams", "orders") == kdl("""
        upstream "orders" {
            target "10.0.0.1:443"
            load-balancing "round_robin"
            tls {
                sni "orders.internal"
                client-cert "${bundle:certificates/edge.pem}"
                client-key "${secret-file:edge-key}"
            }
        }
        """)
    assert objections(environment.config) == []
    assert environment.files == {"certificates/edge.pem": EDGE.chain, "trust/internal.pem": ROOT.pem}
    assert {name: p.version for name, p in environment.secrets.items()} == {"edge-key": 1}


def test_the_parts_of_a_split_show_it_too() -> None:
    split = 'split "orders" weight=50\n    split "other" weight=50'
    texts = edited('upstream "orders"\n}', split + "\n}", {"service": SERVICE})
    other = CLIENT[CLIENT.index("upstream") :].replace('"orders" {', '"other" {').replace("0.1:", "0.2:")
    environment = dev({**texts, "upstream": CLIENT, "other": other}, CLIENT_PEM)
    assert "client-key" in node_of(environment.config.decode(), "upstreams", "orders.split")
    assert environment.certificates[0].used_by == ("upstream orders", "upstream other")


def test_what_nothing_uses_is_not_carried() -> None:
    environment = dev({**TEXTS, "other": CLIENT.replace('"orders" {', '"unused" {')}, {**PEM, **CLIENT_PEM})
    assert set(environment.files) == {"certificates/shop.pem"}
    assert [one.name for one in environment.certificates] == ["shop"]


def test_a_chain_of_an_environments_own_has_its_name() -> None:
    own = issue("shop.example", "shop.example", "*.shop.example", by=ROOT)
    cert = CERTIFICATE.replace("\n}", '\n    for "production" {\n        chain "pem/own.pem"\n    }\n}')
    compilation = compiled({**TEXTS, "cert": cert}, {**PEM, "pem/own.pem": own.chain})
    first, second = compilation.environments
    assert first.files == {"certificates/shop.pem": SHOP.chain}
    assert second.files == {"certificates/shop.production.pem": own.chain}
    assert b'"${bundle:certificates/shop.production.pem}"' in second.config
    # Files of the same name and other content would not fit into one bundle.
    assert set(archive.unpack(build_bundle(compilation).blob)) >= {*first.files, *second.files}


def test_the_form_of_the_file_means_nothing() -> None:
    odd = b"bag attributes\r\n" + SHOP.chain.replace(b"\n", b"\r\n")
    assert dev(TEXTS, {"pem/shop.pem": odd}) == dev()


def test_another_chain_or_key_restarts_the_proxy() -> None:
    plain, renewed = dev(), dev(TEXTS, {"pem/shop.pem": issue("shop.example", "shop.example", by=ROOT).chain})
    assert plain.restart_key != renewed.restart_key
    # Behind the same path: a node that compares nothing but the configuration has to see the difference.
    assert plain.config_id != renewed.config_id
    rekeyed = dev(version=2)
    assert plain.config_id == rekeyed.config_id
    assert plain.restart_key != rekeyed.restart_key
    assert {name: p.version for name, p in rekeyed.secrets.items()} == {"shop-key": 2}


def test_a_clients_certificate_needs_no_restart() -> None:
    plain = dev(CLIENTS, CLIENT_PEM)
    other = issue("edge", "edge.example", by=ROOT)
    renewed = dev(CLIENTS, {**CLIENT_PEM, "pem/edge.pem": other.chain}, version=2)
    assert plain.restart_key == renewed.restart_key
    assert plain.config_id != renewed.config_id


def test_the_facts_of_a_certificate_in_use() -> None:
    (one,) = dev(version=4).certificates
    assert one.version == 4
    assert (one.name, one.subject, one.issuer, one.hosts) == (
        "shop",
        "shop.example",
        "Shop root",
        ("*.shop.example", "shop.example"),
    )
    assert one.expires == SHOP.certificate.not_valid_after_utc
    assert (one.secret, one.key, one.used_by) == ("shop-key", "ECDSA P-256", ("listener secure",))
    assert one.sha256 == hashlib.sha256(SHOP.chain).hexdigest()
    assert one.warn_seconds == 21 * 86400
    compilation = compiled()
    assert (
        Compilation.from_json(json.loads(json.dumps(compilation.to_json(bytes.hex))), bytes.fromhex)
        == compilation
    )


def test_the_chain_ends_when_its_first_certificate_does() -> None:
    short = issue("Short", ca=True, days=30)
    (one,) = dev(
        TEXTS, {"pem/shop.pem": issue("s", "*.shop.example", "shop.example", by=short).chain}
    ).certificates
    assert one.expires == short.certificate.not_valid_after_utc


@pytest.mark.parametrize(
    ("old", "new", "found"),
    [
        ('    certificate "shop"\n', "", ["E-KND-003 listener.kdl:3:14"]),
        ('    protocol "https"\n', "", ["E-VAL-009 listener.kdl:3:5"]),
        ('certificate "shop"\n}', 'certificate "shp"\n}', ["E-REF-001 listener.kdl:4:17"]),
        ('protocol "https"', 'protocol "h2"', ["E-VAL-002 listener.kdl:3:14"]),
        ('protocol "https"', 'protocol "h3"', ["E-VAL-002 listener.kdl:3:14"]),
        (
            'certificate "shop"\n}',
            'certificate "shop"\n    tls {\n        min-version "1.3"\n    }\n}',
            ["W-CMP-001 listener.kdl:6:9"],
        ),
        (
            'certificate "shop"\n}',
            'certificate "shop"\n    tls {\n        cipher-suites "TLS_AES_128_GCM_SHA256"\n    }\n}',
            ["W-CMP-001 listener.kdl:6:9"],
        ),
        (
            'certificate "shop"\n}',
            'certificate "shop"\n    tls {\n        min-version "1.1"\n    }\n}',
            ["E-VAL-002 listener.kdl:6:21"],
        ),
        ('"www.shop.example"', '"shop.other"', ["W-CMP-030 service.kdl:2:26"]),
        ('"www.shop.example"', '"a.b.shop.example"', ["W-CMP-030 service.kdl:2:26"]),
        ('"www.shop.example"', '"*.shop.example"', []),
        ('"www.shop.example"', '"*.b.shop.example"', ["W-CMP-030 service.kdl:2:26"]),
        (
            'chain "pem/shop.pem"\n    key "shop-key"',
            'acme {\n        email "edge@shop.example"\n    }',
            ["E-CMP-006 listener.kdl:4:17"],
        ),
    ],
)  # fmt: skip
def test_listeners_are_told(old: str, new: str, found: list[str]) -> None:
    assert told(edited(old, new)) == found


def test_asking_clients_for_a_certificate_is_no_warning() -> None:
    tls = 'certificate "shop"\n    tls {\n        client-trust-store "internal"\n    }\n}'
    store = 'trust-store "internal" {\n    files "pem/root.pem"\n}\n'
    texts = {**edited('certificate "shop"\n}', tls), "store": store}
    assert told(texts, {**PEM, "pem/root.pem": ROOT.pem}) == ["E-CMP-006 listener.kdl:6:9"]


def test_one_certificate_for_each_listener() -> None:
    second = CERTIFICATE.replace('"shop"', '"admin"')
    several = edited('certificate "shop"\n}', 'certificate "admin" "shop"\n}')
    assert told({**several, "second": second}) == ["E-CMP-006 listener.kdl:4:25"]
    found, _ = snapshot({**several, "second": second})
    assert found is not None
    (finding,) = compile_snapshot(found)[1]
    assert "one certificate" in finding.hint
    assert "address of its own" in finding.hint


def test_a_host_is_covered_by_any_listener() -> None:
    other = issue("shop.other", "shop.other", by=ROOT)
    texts = edited('"www.shop.example"', '"shop.other"')
    second = CERTIFICATE.replace('"shop"', '"other"').replace("shop.example", "shop.other")
    second = second.replace("shop.pem", "other.pem")
    listener = LISTENER.replace('"secure"', '"other"').replace("8443", "9443")
    listener = listener.replace('"shop"', '"other"')
    assert told({**texts, "second": second, "third": listener}, {**PEM, "pem/other.pem": other.chain}) == []


def test_a_certificate_of_clients_is_none_for_servers_and_the_other_way_round() -> None:
    clients = issue(
        "shop", "shop.example", "*.shop.example", by=ROOT, usages=[ExtendedKeyUsageOID.CLIENT_AUTH]
    )
    assert told(TEXTS, {"pem/shop.pem": clients.chain}) == ["E-CMP-030 listener.kdl:4:17"]
    servers = issue("edge", "edge.example", by=ROOT, usages=[ExtendedKeyUsageOID.SERVER_AUTH])
    found = told(CLIENTS, {**CLIENT_PEM, "pem/edge.pem": servers.chain})
    assert found == ["E-CMP-030 upstream.kdl:13:28", "W-CMP-001 upstream.kdl:14:21"]


def test_plugins_are_carried_and_listed_for_their_agent() -> None:
    plugin = 'plugin "geo" {\n    type "wasm"\n    file "plugins/geo-1.wasm"\n}\n'
    middleware = (
        'middleware "country" {\n    custom {\n        socket "/run/zentinel/wasm.sock"\n'
        '        plugins "geo"\n    }\n}\n'
    )
    texts = edited('upstream "orders"\n}', 'upstream "orders"\n    middleware "country"\n}')
    environment = dev({**texts, "p": plugin, "m": middleware}, {**PEM, "plugins/geo-1.wasm": WASM})
    assert environment.files["plugins/geo.wasm"] == WASM
    listed = json.loads(environment.files["agents/dev/custom/country.json"])
    assert listed == {
        "plugins": [
            {
                "name": "geo",
                "type": "wasm",
                "path": "${bundle:plugins/geo.wasm}",
                "sha256": hashlib.sha256(WASM).hexdigest(),
            }
        ]
    }
    without = dev({**TEXTS, "p": plugin, "m": middleware}, {**PEM, "plugins/geo-1.wasm": WASM})
    assert set(without.files) == {"certificates/shop.pem"}


@pytest.mark.parametrize(
    ("days", "code", "severity"),
    [
        (22, None, None),
        (21, "W-CRT-001", Severity.warning),
        (1, "W-CRT-001", Severity.warning),
        (0, "E-CRT-001", Severity.error),
        (-5, "E-CRT-001", Severity.error),
    ],
)
def test_what_ends(days: int, code: str | None, severity: Severity | None) -> None:
    begins = NOW - timedelta(days=100)
    root = issue("Shop root", ca=True, begins=begins - timedelta(days=1), days=4000)
    ending = issue("shop.example", "*.shop.example", "shop.example", by=root, begins=begins, days=100 + days)
    found, _ = snapshot(TEXTS, {"pem/shop.pem": ending.chain})
    assert found is not None
    findings = expiry_findings(found, now=NOW)
    assert [(one.code, one.severity) for one in findings] == ([(code, severity)] if code else [])
    if code:
        assert brief(findings) == [f"{code} cert.kdl:3:11"]
        assert "(in dev, production)" in findings[0].message


def test_what_has_not_begun() -> None:
    later = issue("shop.example", "shop.example", "*.shop.example", begins=NOW + timedelta(hours=1))
    found, _ = snapshot(TEXTS, {"pem/shop.pem": later.chain})
    assert found is not None
    assert brief(expiry_findings(found, now=NOW)) == ["E-CRT-002 cert.kdl:3:11"]
    assert expiry_findings(found, now=NOW + timedelta(hours=1)) == ()


def test_what_nothing_uses_may_end() -> None:
    past = issue("shop.example", "shop.example", begins=NOW - timedelta(days=9), days=2)
    texts = {name: text for name, text in TEXTS.items() if name != "listener"}
    found, _ = snapshot(texts, {"pem/shop.pem": past.chain})
    assert found is not None
    assert expiry_findings(found, now=NOW) == ()


def difference(
    attached: Mapping[str, bytes], texts: Mapping[str, str] = TEXTS, *, version: int = 1
) -> Difference:
    return compare_environments("dev", dev(), dev(texts, attached, version=version))


def rules(found: Difference) -> set[tuple[str, Level]]:
    return {(reason.rule, reason.level) for reason in assess(found).reasons}


def test_a_renewed_certificate_by_meaning() -> None:
    renewed = issue("shop.example", "shop.example", "*.shop.example", by=ROOT, days=180)
    found = difference({"pem/shop.pem": renewed.chain})
    (change,) = found.changes
    assert (change.action, change.area, change.kind, change.name) == (
        Action.changed,
        "tls",
        "certificate",
        "shop",
    )
    assert {field.path for field in change.fields} == {"chain", "ends"}
    assert change.routes == ("orders",)
    assert found.restart
    assert rules(found) == {("certificate-renewed", Level.low), ("restart-needed", Level.medium)}
    assert "~ certificate shop" in difference_text(found, raw=False)
    rekeyed = difference(PEM, version=2)
    assert "key-version: 1 → 2" in difference_text(rekeyed, raw=False)
    assert rules(rekeyed) == {
        ("certificate-renewed", Level.low),
        ("restart-needed", Level.medium),
        ("secret-rotated", Level.low),
    }


def issued(*hosts: str, by: Issued = ROOT, days: int = 90) -> dict[str, bytes]:
    return {"pem/shop.pem": issue("shop.example", *hosts, by=by, days=days).chain}


def test_risky_certificates() -> None:
    lost = difference(issued("shop.example"))
    assert ("certificate-names-lost", Level.high) in rules(lost)
    other = difference(issued("shop.example", "*.shop.example", by=issue("Another", ca=True, days=4000)))
    assert ("certificate-issuer-changed", Level.medium) in rules(other)
    earlier = difference(issued("shop.example", "*.shop.example", days=20))
    assert ("certificate-ends-earlier", Level.medium) in rules(earlier)
    more = difference(issued("shop.example", "*.shop.example", "shop.other"))
    assert {rule for rule, _ in rules(more)} == {"certificate-renewed", "restart-needed"}


def test_https_that_becomes_http_and_another_certificate() -> None:
    plain = compare_environments(
        "dev",
        dev(),
        dev({**TEXTS, "listener": LISTENER.replace('    protocol "https"\n    certificate "shop"\n', "")}),
    )
    assert ("tls-removed", Level.critical) in rules(plain)
    second = CERTIFICATE.replace('"shop"', '"new"')
    texts = {**TEXTS, "second": second, "listener": LISTENER.replace('"shop"', '"new"')}
    found = compare_environments("dev", dev(), dev(texts))
    assert ("tls-changed", Level.high) in rules(found)


def test_chains_are_written_as_they_were_issued() -> None:
    assert written(certificates(SHOP.chain)) == SHOP.chain
