"""Names to addresses, in bounded time: the system's resolver knows no deadline."""

from __future__ import annotations

import ipaddress
import socket
import threading

from reconciler.egress.addresses import Address


class UnresolvedError(Exception):
    """The name leads nowhere, or nobody said in time where. The text says which."""


def resolve(host: str, seconds: float) -> tuple[Address, ...]:
    """All addresses of a host, in the resolver's order. Raises `UnresolvedError`.

    What looks like a number is resolved like any name, because the system takes `2130706433` for an address, too.
    """
    found: list[Address] = []
    trouble: list[str] = []

    def ask() -> None:
        try:
            for _, _, _, _, place in socket.getaddrinfo(host, None, type=socket.SOCK_STREAM):
                # A zone, as in fe80::1%eth0, belongs to this machine and not to the address.
                found.append(ipaddress.ip_address(str(place[0]).partition("%")[0]))
        except (OSError, UnicodeError) as error:
            trouble.append(getattr(error, "strerror", None) or "it is no name")

    asking = threading.Thread(target=ask, daemon=True)
    asking.start()
    asking.join(seconds)
    if asking.is_alive():
        raise UnresolvedError("the name was not resolved in time")
    if trouble or not found:
        raise UnresolvedError(f"the name leads nowhere: {(trouble or ['it has no address'])[0]}")
    return tuple(dict.fromkeys(found))
