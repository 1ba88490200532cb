"""Private keys that somebody committed by mistake."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from reconciler.config.findings import Finding, Place, Severity
from reconciler.config.pem import holds_private_key


def findings(attached: Mapping[str, bytes]) -> Iterator[Finding]:
    """One for each file that holds a private key, whether any resource names the file or not."""
    for path, content in sorted(attached.items()):
        if holds_private_key(content):
            yield Finding(
                "E-TRE-006",
                Severity.error,
                Place(path, 1, 1),
                "the file holds a private key",
                "certificates alone",
                "treat the key as lost: make a new one, and take this file out of the repository's history",
            )
