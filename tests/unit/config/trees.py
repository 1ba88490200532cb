"""Small trees of configuration for the tests."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path

from nacl.public import PrivateKey

from reconciler.bundle.sealed import SealedValue, key_id
from reconciler.cli.folder import config_files
from reconciler.config.findings import Finding
from reconciler.config.snapshot import Snapshot, read_snapshot
from reconciler.config.source import LANGUAGE, SourceFile

ROOT = Path(__file__).resolve().parents[3]
TEMPLATE = ROOT / "repo-template"

KEYS = {name: PrivateKey(hashlib.sha256(name.encode()).digest()) for name in ("dev", "production")}
"""The sealing keys of the environments of BASE."""

BASE = f"""\
project "shop"
environment "dev" {{
    proxy-version "0.6.20"; sealing-key "{bytes(KEYS["dev"].public_key).hex()}"
}}
environment "production" {{
    proxy-version "0.6.20"; sealing-key "{bytes(KEYS["production"].public_key).hex()}"
    after "dev"
    policy {{
        strategy "rolling"
        batches percent=34
    }}
}}
listener "http" {{
    address "0.0.0.0:8080"
}}
"""
UPSTREAM = """\
upstream "orders" {
    target "10.0.0.1:80"
}
"""
SERVICE = """\
service "orders" {
    path-prefix "/orders"
    upstream "orders"
}
"""


def sealed_text(environment: str, what: str) -> str:
    """A sealed value by its form: for the environment's key, another one for each `what`. Nothing opens it."""
    seed = hashlib.shake_256(f"{environment} {what}".encode()).digest(80 + 44)
    public = bytes(KEYS[environment].public_key)
    return SealedValue(key_id(public), seed[:80], seed[80:]).text()


def secret(name: str, *fields: str, version: int = 1, environments: Iterable[str] = tuple(KEYS)) -> str:
    """A secret with a value for environments of BASE, behind further fields."""
    lines = [
        *fields,
        *(f'sealed "{e}" "{sealed_text(e, f"{name} {version}")}" version={version}' for e in environments),
    ]
    return f'secret "{name}" {{\n' + "".join(f"    {line}\n" for line in lines) + "}\n"


def files(*texts: str) -> list[SourceFile]:
    """One file for each text: base.kdl holds project, environments and a listener, then 1.kdl, 2.kdl …"""
    return [SourceFile("base.kdl", BASE.encode())] + [
        SourceFile(f"{number}.kdl", text.encode()) for number, text in enumerate(texts, 1)
    ]


def read(*texts: str) -> tuple[Snapshot | None, tuple[Finding, ...]]:
    """What is read from BASE and the texts."""
    return read_snapshot(files(*texts))


def sound(*texts: str) -> Snapshot:
    """The snapshot of BASE and the texts, which have to be sound."""
    snapshot, findings = read(*texts)
    assert snapshot is not None, "\n".join(map(str, findings))
    return snapshot


def template_attached() -> list[SourceFile]:
    """The files of the template repository that its resources name."""
    return [file for file in config_files(TEMPLATE) if not file.path.endswith(LANGUAGE)]


def template() -> dict[str, str]:
    """The configuration in the template repository."""
    return {p.relative_to(TEMPLATE).as_posix(): p.read_text() for p in sorted(TEMPLATE.rglob("*.kdl"))}


def brief(findings: tuple[Finding, ...]) -> list[str]:
    """Code and place of each finding."""
    return [
        f"{f.code} {f.place.path}:{f.place.line}:{f.place.column}" if f.place else f.code for f in findings
    ]
