"""GitLab with a plain secret, as it was before signing tokens and may still be set up."""

from __future__ import annotations

from datetime import datetime

from tests.forges.dialects import gitlab
from tests.forges.dialects.speaking import Delivery, Dialect


def sign(made: Delivery, secret: bytes, now: datetime) -> Delivery:
    return made.having(**{"X-Gitlab-Token": secret.decode()})


DIALECT = Dialect(
    "gitlab-token", "gitlab", b"a plain secret", gitlab.push, gitlab.pull, gitlab.ping, sign, "X-Gitlab-Token"
)
