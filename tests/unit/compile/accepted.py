"""What the proxy's own grammar has against an emitted configuration."""

from __future__ import annotations

from reconciler.compile.native.checking import check_native

TOLD = "W-NAT-016"
"""A feature that the support table calls ineffective, such as a health check: emitted, and told in the reference."""


def objections(config: bytes | str) -> list[str]:
    """Every finding of the native check but those that the support table tells; empty when the proxy takes it."""
    content = config if isinstance(config, bytes) else config.encode()
    return [str(finding) for finding in check_native(content) if finding.code != TOLD]
