"""`sentinelctl verify`: the very command that `sentinel-node` has, since nodes and people apply the same checks."""

from __future__ import annotations

from reconciler.node.verify_command import command

__all__ = ["command"]
