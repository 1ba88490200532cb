"""Files that no commit should hold, whether a resource names them or not: private keys, and what is too large."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from reconciler.config import limits
from reconciler.config.findings import Finding, Place, Severity
from reconciler.config.pem import holds_private_key


def findings(attached: Mapping[str, bytes]) -> Iterator[Finding]:
    """One for each file that holds a private key, and for each that a worker would refuse to read."""
    for path, content in sorted(attached.items()):
        if len(content) > limits.ATTACHED_BYTES:
            yield Finding(
                "E-TRE-007",
                Severity.error,
                Place(path, 1, 1),
                f"the file has {len(content)} bytes",
                f"at most {limits.ATTACHED_BYTES}",
                "make it smaller; a WebAssembly module shrinks when it is built without debug information",
            )
        if holds_private_key(content):
            yield Finding(
                "E-TRE-006",
                Severity.error,
                Place(path, 1, 1),
                "the file holds a private key",
                "certificates alone",
                "treat the key as lost: make a new one, and take this file out of the repository's history",
            )
