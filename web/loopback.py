"""What counts as this machine, and which host a request names."""

from __future__ import annotations

from ipaddress import ip_address
from urllib.parse import urlsplit


def is_loopback_name(host: str) -> bool:
    """Whether a host name or address (IPv6 with or without brackets) can only mean this machine.

    Names other than `localhost` are not looked up: an attacker's DNS may answer 127.0.0.1 for his own name.
    """
    name = host.removeprefix("[").removesuffix("]")
    if name.lower() in ("localhost", "localhost."):
        return True
    try:
        address = ip_address(name)
    except ValueError:
        return False
    mapped = getattr(address, "ipv4_mapped", None)
    return bool((mapped or address).is_loopback)


def host_of(header: str) -> str | None:
    """The host in a `Host` header without its port, or None when the header is no authority (RFC 9110, 7.2)."""
    if not header or any(character in header for character in "/?#@\\ \t\r\n,"):
        return None
    try:
        parts = urlsplit(f"//{header}")
        _ = parts.port
    except ValueError:
        return None
    return parts.hostname
