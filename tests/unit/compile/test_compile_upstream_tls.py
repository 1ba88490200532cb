"""TLS to targets: the resource in, what the proxy gets out, and what has no effect."""

from __future__ import annotations

import pytest

from reconciler.compile.compiler import compile_snapshot
from reconciler.config.findings import Severity
from reconciler.config.snapshot import read_snapshot
from reconciler.config.source import SourceFile
from tests.unit.compile.compiled import config, kdl, told, written
from tests.unit.config.attachments import ISSUER
from tests.unit.config.trees import brief, files


def upstream(body: str) -> str:
    return f"""\
upstream "safe" {{
    target "10.0.0.9:443"
    tls {{
{body}
    }}
}}
service "s" {{
    upstream "safe"
}}
"""


def test_tls_is_turned_on_by_its_block() -> None:
    text = config(upstream('sni "safe.example"'))
    assert written(text, "upstreams", "safe") == kdl("""
        upstream "safe" {
            target "10.0.0.9:443"
            load-balancing "round_robin"
            tls {
                sni "safe.example"
            }
        }
        """)


def test_certificates_may_be_left_unchecked() -> None:
    text = config(upstream('sni "safe.example"\ninsecure-skip-verify #true'))
    assert "insecure-skip-verify #true" in written(text, "upstreams", "safe")
    assert config(upstream('sni "safe.example"\ninsecure-skip-verify #false')) == config(
        upstream('sni "safe.example"')
    )


@pytest.mark.parametrize(
    ("body", "found"),
    [
        ("insecure-skip-verify #true", ["E-KND-003 1.kdl:3:5"]),
        ('sni "*.example"', ["E-VAL-009 1.kdl:4:5"]),
        ('sni "Safe.example"', ["E-VAL-004 1.kdl:4:5"]),
        ('sni "safe.example"\ntrust-store "none"', ["E-REF-001 1.kdl:5:13"]),
        ('sni "safe.example"\nclient-cert "x"', ["E-KND-002 1.kdl:5:1"]),
    ],
)
def test_mistakes(body: str, found: list[str]) -> None:
    assert [one.replace("2.kdl", "1.kdl") for one in told(upstream(body))] == found


def test_a_trust_store_has_no_effect_and_a_warning() -> None:
    text = upstream('sni "safe.example"\ntrust-store "internal"')
    store = 'trust-store "internal" {\n    files "ca.pem"\n}\n'
    snapshot, findings = read_snapshot([*files(text, store), SourceFile("ca.pem", ISSUER)])
    assert snapshot is not None, findings
    compilation, findings = compile_snapshot(snapshot)
    assert compilation is not None
    assert brief(findings) == ["W-CMP-001 1.kdl:5:13"]
    assert findings[0].severity is Severity.warning
    assert b"ca.pem" not in compilation.environments[0].config
    assert b"ca-cert" not in compilation.environments[0].config
