"""Which URLs lead to the same repository."""

from __future__ import annotations

from functools import lru_cache
from urllib.parse import urlsplit


@lru_cache(maxsize=4096)
def place(address: str) -> str:
    """Host and path of a repository's URL, the same for https, ssh and `git@host:path`; empty for anything else."""
    text = address.strip()
    if "://" not in text:
        user_and_host, colon, path = text.partition(":")
        if not colon or "/" in user_and_host:
            return ""
        text = f"ssh://{user_and_host}/{path.lstrip('/')}"
    try:
        parts = urlsplit(text)
        host, port = (parts.hostname or "").lower(), parts.port
    except ValueError:
        return ""
    path = parts.path.strip("/").removesuffix(".git")
    if not host or not path:
        return ""
    # The port tells servers on one machine apart, but ssh and https of one forge never share it.
    shown = f":{port}" if port and parts.scheme in {"http", "https"} else ""
    return f"{host}{shown}/{path}"
