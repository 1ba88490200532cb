"""What is said of kinds that are read and checked, and on which nothing acts so far."""

from __future__ import annotations

DECLARED = " It is read and checked with every commit; nothing acts on it yet."
