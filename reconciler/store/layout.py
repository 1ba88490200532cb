"""Where everything lies in the object store. The only place that spells a key."""

from __future__ import annotations


def root(organization: str, version: int) -> str:
    """A signed root."""
    return f"{roots(organization)}{version}.json"


def roots(organization: str) -> str:
    """Prefix of an organization's roots."""
    return f"organizations/{organization}/roots/"


def root_version(key: str) -> int:
    """The version that a key made by `root` names. Raises ValueError for another key."""
    return int(key.rpartition("/")[2].removesuffix(".json"))


def log(organization: str, path: str) -> str:
    """A file of an organization's log, by its path there: `checkpoint`, `tile/0/000`, `entry/000` …"""
    return f"organizations/{organization}/log/{path}"


def project(organization: str, slug: str) -> str:
    """Prefix of everything that belongs to one project."""
    return f"organizations/{organization}/projects/{slug}/"


def bundle(organization: str, slug: str, digest: str) -> str:
    """The compressed bundle of a digest (`sha256:` and hex)."""
    return f"{project(organization, slug)}bundles/{_hex(digest)}.tar.zst"


def statements(organization: str, slug: str) -> str:
    """Prefix of a project's statements."""
    return f"{project(organization, slug)}statements/"


def statement(organization: str, slug: str, digest: str) -> str:
    """The signed statement of a bundle."""
    return f"{statements(organization, slug)}{_hex(digest)}.json"


def pointers(organization: str, slug: str) -> str:
    """Prefix of a project's pointers."""
    return f"{project(organization, slug)}pointers/"


def pointer(organization: str, slug: str, environment: str, cohort: str) -> str:
    """The newest signed pointer of a cohort."""
    return f"{pointers(organization, slug)}{environment}/{cohort}.json"


def node(organization: str, slug: str, identity: str) -> str:
    """The record of a registered node."""
    return f"{project(organization, slug)}nodes/{identity}.json"


def decision(organization: str, slug: str, digest: str) -> str:
    """The inputs of a decision, by their digest (`sha256:` and hex)."""
    return f"{project(organization, slug)}decisions/{_hex(digest)}.json"


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


def _hex(digest: str) -> str:
    return digest.removeprefix("sha256:")
