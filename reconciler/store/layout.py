"""Where everything lies in the object store. The only place, with `reconciler.bundle.places`, that spells a key."""

from __future__ import annotations

from reconciler.bundle.places import (
    bare,
    bundle,
    bundles,
    log,
    pointer,
    pointers,
    published,
    root,
    roots,
    statement,
    statements,
)

__all__ = [
    "audit_number",
    "bundle",
    "bundles",
    "decision",
    "log",
    "node",
    "pointer",
    "pointers",
    "project",
    "published",
    "root",
    "root_version",
    "roots",
    "sealed_value",
    "secrets",
    "statement",
    "statements",
    "wrapped_key",
]


def root_version(key: str) -> int:
    """The version that a key made by `root` names. Raises ValueError for another key."""
    return int(key.rpartition("/")[2].removesuffix(".json"))


def project(organization: str, slug: str) -> str:
    """Prefix of everything that belongs to one project and is not published."""
    return f"organizations/{organization}/projects/{slug}/"


def audit_number(organization: str, number: int) -> str:
    """Which row of the audit log has a number. Kept apart from the log, which is found by hash."""
    return f"organizations/{organization}/audit/{number // 1000:06}/{number}.json"


def node(organization: str, slug: str, identity: str) -> str:
    """The record of a registered node."""
    return f"{project(organization, slug)}nodes/{identity}.json"


def decision(organization: str, slug: str, digest: str) -> str:
    """The inputs of a decision, by their digest (`sha256:` and hex)."""
    return f"{project(organization, slug)}decisions/{bare(digest)}.json"


def secrets(organization: str, slug: str) -> str:
    """Prefix of everything that is sealed for a project's environments."""
    return f"{project(organization, slug)}secrets/"


def sealed_value(organization: str, slug: str, environment: str, name: str, version: int) -> str:
    """The sealed bytes of one version of a secret: nonce, ciphertext and tag."""
    return f"{_sealed(organization, slug, environment, name, version)}value"


def wrapped_key(organization: str, slug: str, environment: str, name: str, version: int, key_id: str) -> str:
    """The data key of one version of a secret, wrapped for the environment's key of that id."""
    return f"{_sealed(organization, slug, environment, name, version)}keys/{key_id}"


def _sealed(organization: str, slug: str, environment: str, name: str, version: int) -> str:
    return f"{secrets(organization, slug)}{environment}/{name}/{version}/"
