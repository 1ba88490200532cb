"""How many files this process may have open, which is what a large fleet runs out of first."""

from __future__ import annotations

import resource


def raise_file_limit() -> tuple[int, int]:
    """Raise the limit of open files as far as the system lets us; how many it was, and is."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    except (OSError, ValueError):
        return soft, soft
    return soft, resource.getrlimit(resource.RLIMIT_NOFILE)[0]
