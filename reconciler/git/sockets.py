"""Lets what libgit2 sends go out at once.

libgit2 sends the head of a request and its body one after the other and leaves Nagle's algorithm on (RFC 896), so that
the body waits until the server has acknowledged the head, which it may put off for 40 ms and more (RFC 1122, section
4.2.3.2). There is no option for it, and the binding does not show the socket.
"""

from __future__ import annotations

import os
import socket
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress

OPEN = "/dev/fd"


@contextmanager
def undelayed() -> Iterator[None]:
    """Turn the delay off for the TCP sockets that are opened in the block and are still open at its end.

    One that another thread opens meanwhile is sent without delay as well, which changes nothing that it says. Where
    the system does not list open files, nothing is done.
    """
    before = _sockets()
    yield
    for number in _sockets() - before:
        # It may be gone by now, or be no TCP socket.
        with suppress(OSError), socket.socket(fileno=os.dup(number)) as copy:
            copy.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


def _sockets() -> set[int]:
    found = set()
    with suppress(OSError):
        for name in os.listdir(OPEN):
            with suppress(OSError, ValueError):
                if stat.S_ISSOCK(os.fstat(int(name)).st_mode):
                    found.add(int(name))
    return found
