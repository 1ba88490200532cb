"""Files that resources may name and that are too large, whether one names them or not."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from reconciler.config import limits
from reconciler.config.findings import Finding, Place, Severity


def findings(attached: Mapping[str, bytes]) -> Iterator[Finding]:
    """One for each file that a worker would refuse to read."""
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
