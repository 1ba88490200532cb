"""Where published files lie, below `public/` of the object store: the same paths on every mirror of it.

Whatever lies there is signed or named by its digest, so it does not matter who serves it. Nothing else lies there: no
node, no sealed value, no input of a decision.
"""

from __future__ import annotations

PUBLIC = "public/"


def roots(organization: str) -> str:
    """Prefix of an organization's roots."""
    return f"{PUBLIC}{organization}/roots/"


def root(organization: str, version: int) -> str:
    """A signed root."""
    return f"{roots(organization)}{version}.json"


def log(organization: str, path: str) -> str:
    """A file of an organization's log, by its path there: `checkpoint`, `tile/0/000`, `entry/000` …"""
    return f"{PUBLIC}{organization}/log/{path}"


def published(organization: str, project: str) -> str:
    """Prefix of everything that is published of one project."""
    return f"{PUBLIC}{organization}/projects/{project}/"


def bundles(organization: str, project: str) -> str:
    """Prefix of a project's bundles."""
    return f"{published(organization, project)}bundles/"


def bundle(organization: str, project: str, digest: str) -> str:
    """The compressed bundle of a digest (`sha256:` and hex)."""
    return f"{bundles(organization, project)}{bare(digest)}.tar.zst"


def statements(organization: str, project: str) -> str:
    """Prefix of a project's statements."""
    return f"{published(organization, project)}statements/"


def statement(organization: str, project: str, digest: str) -> str:
    """The signed statement of a bundle."""
    return f"{statements(organization, project)}{bare(digest)}.json"


def pointers(organization: str, project: str) -> str:
    """Prefix of a project's pointers."""
    return f"{published(organization, project)}pointers/"


def pointer(organization: str, project: str, environment: str, cohort: str) -> str:
    """The newest signed pointer of a cohort."""
    return f"{pointers(organization, project)}{environment}/{cohort}.json"


def bare(digest: str) -> str:
    """The hex of a digest."""
    return digest.removeprefix("sha256:")
