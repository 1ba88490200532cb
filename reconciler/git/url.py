"""The allow-list that every repository URL passes before libgit2 sees it.

libgit2 itself opens local paths and `file://`, and really asks `http://169.254.169.254/`. Loopback is allowed: the
embedded system serves its repository there.
"""

from __future__ import annotations

import ipaddress
import re
import socket
from urllib.parse import SplitResult, urlsplit

from reconciler.errors import Refused

SCHEMES = ("https", "http", "ssh")
MAX_LENGTH = 2_000
SCP_LIKE = re.compile(r"git@([A-Za-z0-9][A-Za-z0-9.-]{0,252}):([A-Za-z0-9._~][A-Za-z0-9._~/+-]*)")
HOST = re.compile(r"[A-Za-z0-9]([A-Za-z0-9.-]{0,251}[A-Za-z0-9.])?")
METADATA_NAMES = frozenset(
    {"metadata", "metadata.google.internal", "instance-data", "instance-data.ec2.internal"}
)
METADATA_ADDRESSES = frozenset(
    ipaddress.ip_address(address)
    for address in ("169.254.169.254", "100.100.100.200", "192.0.0.192", "fd00:ec2::254")
)

CURE = "Use https://host/path, http://host/path, ssh://git@host/path or git@host:path"

type_of_address = ipaddress.IPv4Address | ipaddress.IPv6Address


def check_url(url: str) -> str:
    """Return `url` unchanged when it may be given to libgit2.

    Raises `Refused` E-GIT-001 for a form that is not allowed, and E-GIT-002 for a link-local or metadata address. The
    message never repeats user information, because it may be a password.
    """
    if not url or len(url) > MAX_LENGTH:
        raise _refused("it is empty" if not url else f"it has more than {MAX_LENGTH} characters")
    if any(ord(character) <= 0x20 or ord(character) >= 0x7F for character in url) or "\\" in url:
        raise _refused(
            "it contains white space, a control character, a backslash or a character outside ASCII"
        )
    if url.startswith("-"):
        raise _refused("it begins with '-'")
    scp_like = SCP_LIKE.fullmatch(url)
    if scp_like is not None:
        _check_path(scp_like[2])
        _check_host(scp_like[1])
        return url
    parts = _split(url)
    if parts.scheme not in SCHEMES or not url.startswith(f"{parts.scheme}://"):
        raise _refused("it has no scheme out of https, http and ssh")
    _check_user(parts)
    if parts.query or parts.fragment or "?" in url or "#" in url:
        raise _refused("it has a query or a fragment")
    host = parts.hostname or ""
    if not (_address(host) or HOST.fullmatch(host)):
        raise _refused("its host is missing or is not a host name")
    _check_path(parts.path)
    _check_host(host)
    return url


def shown(url: str) -> str:
    """`url` for messages and logs, without user information, even when it is not an allowed one."""
    head, separator, rest = url.partition("://")
    if separator and "@" in rest.partition("/")[0]:
        authority, slash, path = rest.partition("/")
        rest = authority.rpartition("@")[2] + slash + path
    text = f"{head}{separator}{rest}"[:200]
    return "".join(character if character.isprintable() else "?" for character in text)


def is_ssh(url: str) -> bool:
    """Whether an allowed `url` is reached over ssh."""
    return not url.startswith(("http://", "https://"))


def _split(url: str) -> SplitResult:
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        raise _refused("its host or port cannot be read") from None
    return parts


def _check_user(parts: SplitResult) -> None:
    if "@" not in parts.netloc:
        return
    # An ssh user name is part of the address, not a secret; a password never belongs into a URL.
    allowed = (
        parts.scheme == "ssh"
        and parts.password is None
        and re.fullmatch(r"[a-z_][a-z0-9_-]*", parts.username or "")
    )
    if not allowed:
        raise _refused("it contains a user name or password; name them in the connection's credentials")


def _check_path(path: str) -> None:
    if path.strip("/") == "":
        raise _refused("it has no path")
    if any(part.startswith("-") for part in path.split("/")):
        raise _refused("a part of its path begins with '-'")


def _check_host(host: str) -> None:
    address = _address(host)
    if host.lower().rstrip(".") in METADATA_NAMES or (address is not None and _is_forbidden(address)):
        raise Refused(
            "E-GIT-002",
            f"the repository URL leads to '{host}', a link-local or metadata address",
            cure="Use the address of a git server",
        )


def _address(host: str) -> type_of_address | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        pass
    try:
        # The resolver also reads decimal, octal and short forms, such as 2852039166 for 169.254.169.254.
        return (
            ipaddress.IPv4Address(socket.inet_aton(host)) if re.fullmatch(r"[0-9a-fA-FxX.]+", host) else None
        )
    except OSError:
        return None


def _is_forbidden(address: type_of_address) -> bool:
    if isinstance(address, ipaddress.IPv6Address):
        inner = address.ipv4_mapped or address.sixtofour or _nat64(address)
        if inner is not None:
            return _is_forbidden(inner)
    return (
        address.is_link_local
        or address.is_multicast
        or address.is_unspecified
        or address in METADATA_ADDRESSES
    )


def _nat64(address: ipaddress.IPv6Address) -> ipaddress.IPv4Address | None:
    # RFC 6052, the well-known prefix 64:ff9b::/96.
    packed = address.packed
    return (
        ipaddress.IPv4Address(packed[12:])
        if packed[:12] == bytes.fromhex("0064ff9b0000000000000000")
        else None
    )


def _refused(why: str) -> Refused:
    return Refused("E-GIT-001", f"the repository URL is not allowed: {why}", cure=CURE)
