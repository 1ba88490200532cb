"""The kind `trust-store`."""

from __future__ import annotations

from reconciler.config.declared import DECLARED
from reconciler.config.kinds.certificate import PEM
from reconciler.config.repository_path import RepositoryPath
from reconciler.config.schema import kind, scalar, values
from reconciler.config.values import Text

KIND = kind(
    "trust-store",
    "Certificates of issuers that are trusted." + DECLARED,
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
