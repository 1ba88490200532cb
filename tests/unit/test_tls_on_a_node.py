"""From a repository that was just founded to the files that a proxy reads: certificate and key have to fit."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from nacl.public import PrivateKey

from reconciler.bundle import archive
from reconciler.bundle.build import build_bundle
from reconciler.bundle.manifest import check_files
from reconciler.bundle.sealed import Label, open_value, parse_sealed, unwrap
from reconciler.compile.compiler import Compilation, compile_snapshot
from reconciler.config.snapshot import read_snapshot
from reconciler.config.source import SourceFile, is_read
from reconciler.embedded.template import template_files
from reconciler.flows.founding_repository import founded
from reconciler.node.rendering import plan, render
from tests.unit.compile.accepted import objections

KEYS = {name: PrivateKey.generate() for name in ("dev", "staging", "production")}
FOLDER = "/run/sentinel/one"


def compiled(files: Mapping[str, bytes]) -> Compilation:
    snapshot, findings = read_snapshot(SourceFile(p, c) for p, c in files.items() if is_read(p))
    assert snapshot is not None, findings
    compilation, findings = compile_snapshot(snapshot)
    assert findings == ()
    assert compilation is not None
    return compilation


def opened(compilation: Compilation, environment: str) -> dict[str, bytes]:
    """The values that a node of the environment is given."""
    found = {}
    for one in compilation.sealed:
        if one.environment == environment:
            sealed = parse_sealed(one.text)
            label = Label("shop", environment, one.name, one.version)
            found[one.name] = open_value(sealed.value, unwrap(sealed.wrapped, KEYS[environment]), label)
    return found


def served(compilation: Compilation, environment: str) -> tuple[x509.Certificate, bytes]:
    """The certificate and the key that the proxy of a node reads, by the paths in its configuration."""
    files = archive.unpack(build_bundle(compilation).blob)
    check_files(files)
    assert plan(files, environment).inputs.keys() == {"bundle:certificates/shop.pem", "secret:shop-key"}
    rendered = render(files, environment, opened(compilation, environment), FOLDER)
    config = rendered[f"config/{environment}/sentinel.kdl"]
    assert objections(config) == []
    certificate, key = re.findall(r'(?:cert|key)-file "([^"]+)"', config.decode())
    inside = Path(certificate).relative_to(f"{FOLDER}/bundle").as_posix()
    return x509.load_pem_x509_certificate(files[inside]), rendered[Path(key).relative_to(FOLDER).as_posix()]


def founded_on(day: date) -> dict[str, bytes]:
    publics = {name: bytes(key.public_key) for name, key in KEYS.items()}
    return founded(template_files(), "shop", publics, today=day)


def test_every_environment_serves_a_pair_that_fits() -> None:
    compilation = compiled(founded_on(date(2026, 11, 24)))
    for environment in KEYS:
        certificate, key = served(compilation, environment)
        assert load_pem_private_key(key, None).public_key() == certificate.public_key()
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        assert names.get_values_for_type(x509.DNSName) == ["shop.example", "www.shop.example"]
        assert (certificate.not_valid_after_utc - certificate.not_valid_before_utc).days == 397


def test_every_repository_has_a_pair_of_its_own() -> None:
    one, other = (served(compiled(founded_on(date(2026, 11, 24))), "dev") for _ in range(2))
    assert one[0].public_key() != other[0].public_key()
    shipped = x509.load_pem_x509_certificate(template_files()["certificates/shop.pem"])
    assert shipped.public_key() not in (one[0].public_key(), other[0].public_key())
