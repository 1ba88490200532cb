"""Forgejo: what Gitea sends, with headers of its own beside them."""

from __future__ import annotations

from datetime import datetime

from tests.forges.dialects import gitea
from tests.forges.dialects.speaking import Change, Delivery, Dialect, Pull, Repo, hexadecimal


def _own(made: Delivery) -> Delivery:
    return made.having(**{"X-Forgejo-Delivery": made.id, "X-Forgejo-Event": made.event})


def push(repo: Repo, changes: list[Change], id: str) -> list[Delivery]:
    return [_own(made) for made in gitea.push(repo, changes, id)]


def pull(repo: Repo, found: Pull, id: str) -> Delivery:
    return _own(gitea.pull(repo, found, id))


def ping(repo: Repo, id: str) -> Delivery:
    return _own(gitea.ping(repo, id))


def sign(made: Delivery, secret: bytes, now: datetime) -> Delivery:
    digits = hexadecimal(made.body, secret) if secret else ""
    return gitea.sign(made, secret, now).having(**{"X-Forgejo-Signature": digits})


DIALECT = Dialect(
    "forgejo", "forgejo", b"a blacksmith's secret", push, pull, ping, sign, "X-Forgejo-Signature"
)
