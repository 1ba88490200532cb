"""The kind `trust-store`."""

from __future__ import annotations

from reconciler.config.kinds.certificate import PEM
from reconciler.config.repository_path import RepositoryPath
from reconciler.config.schema import kind, scalar, values
from reconciler.config.values import Text

KIND = kind(
    "trust-store",
    "Certificates of issuers that are trusted. Bundles carry them as trust/NAME.pem for the environments in which an "
    "upstream names the store. The proxy applies none: the node's own trust store counts (support.md).",
    (
        scalar("description", Text(), "Whose issuers these are.", 'description "The company\'s own issuers"'),
        values(
            "files",
            RepositoryPath(PEM),
            "PEM files with nothing but certificates of issuers.",
            'files "certificates/internal-ca.pem"',
            required=True,
        ),
    ),
    example='trust-store "internal" {\n    files "certificates/internal-ca.pem"\n}',
)
