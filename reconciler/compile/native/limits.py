"""Caps on one configuration of the proxy, which bound the time and memory that a check takes."""

from __future__ import annotations

BYTES = 16 * 1024 * 1024
"""All files of one configuration together; ten thousand routes take about 5 MiB."""

DEPTH = 100
"""Nested blocks. The deepest place of the grammar is nine; JSON schemas written as blocks go further."""

FILES = 1000
"""Files that one configuration includes."""

FINDINGS = 500
"""Findings told for one configuration; the rest is counted."""

SEARCHES = 100
"""Searches for "did you mean" in one configuration; each compares a name with up to 400 others."""

CONDITIONS = 50
"""Paths and prefixes of one route that are compared with each other."""
