"""Caps on what is read. Each is a named number with its reason."""

from __future__ import annotations

FILE_BYTES = 1024 * 1024
"""One file. The parser holds the interpreter for as long as it runs, which is about 0.1 s for this size."""

FILES = 10_000
ATTACHED_BYTES = 4 * 1024 * 1024
"""One file that is not in the language: a plugin, a chain. As much as is read of any file of a commit."""

TOTAL_BYTES = 64 * 1024 * 1024
"""All files of a tree; a thousand services take about 2 MiB."""

ENVIRONMENTS = 24
"""Each has a whole configuration of its own in every bundle."""

DIGIT_RUN = 40
"""Consecutive digits. The parser's time for a number grows with the square of its length."""

DEPTH = 64
NODES_IN_FILE = 100_000
NODES_IN_TREE = 1_000_000

FINDINGS_IN_FILE = 100
"""Findings reported for one file; what is above is counted. A file of another kind altogether makes thousands."""

UNREADABLE_FILES = 50
"""Files with syntax errors that are explained; explaining takes far longer than parsing."""

SUGGESTION_LENGTH = 64
SUGGESTION_CANDIDATES = 400
"""Bounds of the search for "did you mean": comparing is quadratic in the lengths and linear in the candidates."""
