"""A hook of anything else, as `docs/webhooks.md` shows it."""

from __future__ import annotations

from datetime import datetime

from tests.forges.dialects.speaking import Change, Delivery, Dialect, Repo, encoded, hexadecimal


def push(repo: Repo, changes: list[Change], id: str) -> list[Delivery]:
    document = {
        "repository": repo.clone_url,
        "changes": [{"ref": c.ref, "before": c.before, "after": c.after} for c in changes],
    }
    headers = {"Content-Type": "application/json", "X-Sentinel-Delivery": id}
    return [Delivery("push", id, encoded(document), headers)]


def ping(repo: Repo, id: str) -> Delivery:
    """Without changes it asks for a look at everything."""
    return push(repo, [], id)[0]


def sign(made: Delivery, secret: bytes, now: datetime) -> Delivery:
    return made.having(**{"X-Sentinel-Signature": "sha256=" + hexadecimal(made.body, secret)})


DIALECT = Dialect("generic", "generic", b"any secret", push, None, ping, sign, "X-Sentinel-Signature")
