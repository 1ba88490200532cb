"""One file for each forge: the headers and payloads of its deliveries, and how it signs them."""

from __future__ import annotations

from tests.forges.dialects import (
    bitbucket,
    bitbucket_data_center,
    forgejo,
    generic,
    gitea,
    github,
    gitlab,
    gitlab_token,
)
from tests.forges.dialects.speaking import Dialect

DIALECTS: dict[str, Dialect] = {
    dialect.label: dialect
    for dialect in (
        github.DIALECT,
        gitlab.DIALECT,
        gitlab_token.DIALECT,
        bitbucket.DIALECT,
        bitbucket_data_center.DIALECT,
        gitea.DIALECT,
        forgejo.DIALECT,
        generic.DIALECT,
    )
}
