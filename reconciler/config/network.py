"""Types of names on the network: hosts, targets, listen addresses, paths, methods."""

from __future__ import annotations

import ipaddress
import re

from reconciler.config.characters import shown
from reconciler.config.report import Problem
from reconciler.config.rust_regex import regex_problem
from reconciler.config.values import Choice, Pattern

_LABEL = "[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_HOSTNAME = rf"{_LABEL}(?:\.{_LABEL})*"
_OCTET = "(?:25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])"
_PLAIN_IPV4 = re.compile(rf"{_OCTET}(?:\.{_OCTET}){{3}}")
"""What most targets are; the library takes its time over the same question."""
_PATH_CHARACTERS = r"[A-Za-z0-9._~!$&'()*+,;=:@%/-]"


def _check_host(host: str) -> Problem | None:
    if host != host.lower():
        hint = "the proxy compares host names case-sensitively, and browsers send them in lower case"
        return Problem("E-VAL-004", f"{shown(host)} has capitals", "a lower-case host name", hint)
    return None


HOST = Pattern(
    name="host",
    pattern=rf"(?i:(?:\*\.)?{_HOSTNAME})",
    expected="a host name such as 'shop.example.com', or '*.example.com' for every name below",
    hint="write it without scheme, port and path",
    maximum=253,
    check=_check_host,
)


def _check_port(text: str) -> bool:
    return 1 <= int(text.rpartition(":")[2]) <= 65535


def _check_target(target: str) -> Problem | None:
    if not _check_port(target):
        return Problem(
            "E-VAL-003", f"{shown(target)} has no usable port", "a port from 1 to 65535", "correct the port"
        )
    host = target.rpartition(":")[0].strip("[]")
    if _PLAIN_IPV4.fullmatch(host):
        return None
    if ":" in host or re.fullmatch(r"[0-9.]+", host):
        try:
            ipaddress.ip_address(host)
        except ValueError:
            return Problem(
                "E-VAL-004",
                f"{shown(host)} is not an IP address",
                "an IP address or a host name",
                "correct it",
            )
    return None


TARGET = Pattern(
    name="target address",
    pattern=rf"(?:{_HOSTNAME}|\[[0-9a-fA-F:.]+\]):[0-9]{{1,5}}",
    expected="host:port, such as '10.0.1.10:8080' or 'orders.internal:8080'",
    hint="write host and port, without a scheme",
    check=_check_target,
)


def split_address(address: str) -> tuple[ipaddress.IPv4Address | ipaddress.IPv6Address, int]:
    """The IP address and port of "10.0.0.1:80" or "[::1]:80". Raises ValueError when it is neither."""
    host, _, port = address.rpartition(":")
    if (":" in host) != (host.startswith("[") and host.endswith("]")):
        raise ValueError("an IPv6 address stands in brackets")
    number = int(port)
    if not 1 <= number <= 65535:
        raise ValueError("a port is a number from 1 to 65535")
    return ipaddress.ip_address(host.strip("[]")), number


def _check_listen(address: str) -> Problem | None:
    try:
        split_address(address)
    except ValueError as error:
        hint = f"{error}; 0.0.0.0 stands for every IPv4 address of the machine"
        return Problem("E-VAL-004", f"{shown(address)} is not an IP address with a port", "IP:port", hint)
    return None


LISTEN_ADDRESS = Pattern(
    name="listen address",
    pattern=r"(?:[0-9]{1,3}(?:\.[0-9]{1,3}){3}|\[[0-9a-fA-F:.]+\]):[0-9]{1,5}",
    expected="IP:port, such as '0.0.0.0:8080' or '[::]:8080'",
    hint="write an IP address and a port; host names cannot be listened on",
    check=_check_listen,
)

PATH = Pattern(
    name="path",
    pattern=rf"/{_PATH_CHARACTERS}*",
    expected="a path that begins with '/', without query",
    hint="percent-encode spaces and other characters",
    maximum=2000,
)


def _check_regex(pattern: str) -> Problem | None:
    trouble = regex_problem(pattern)
    if trouble is None:
        return None
    return Problem(
        "E-VAL-006", f"the regular expression {shown(pattern)} {trouble[0]}", "a Rust regex", trouble[1]
    )


REGEX = Pattern(
    name="regular expression",
    pattern=r"[^\x00-\x1f\x7f]+",
    expected="a regular expression in Rust's syntax: linear, so without look-around and backreferences",
    hint='write backslashes in a raw string: #"^/v[0-9]+/"#',
    maximum=1000,
    check=_check_regex,
)

METHOD = Choice(
    ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"),
    instead={
        "TRACE": "TRACE is refused on purpose: it sends credentials back",
        "CONNECT": "the proxy is no tunnel",
    },
    name="method",
)

NETWORK = Pattern(
    name="network",
    pattern=r"[0-9]{1,3}(?:\.[0-9]{1,3}){3}(?:/[0-9]{1,2})?|[0-9a-f:]*:[0-9a-f:.]*(?:/[0-9]{1,3})?",
    expected="an IP address or a network such as '10.0.0.0/8'",
    hint="write it like '192.0.2.0/24'",
)
