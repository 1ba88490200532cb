"""Sockets that are opened in the block send at once; those that were there before are left as they are."""

from __future__ import annotations

import socket

from reconciler.git.sockets import undelayed


def delayed(connection: socket.socket) -> bool:
    return connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) == 0


def test_what_is_opened_in_the_block_sends_at_once() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = server.getsockname()
        with socket.create_connection(address) as before, undelayed():
            after = socket.create_connection(address)
            pair = socket.socketpair()
            gone = socket.create_connection(address)
            gone.close()
            assert delayed(before)
        with after:
            assert not delayed(after)
        for one in pair:
            one.close()


def test_what_was_there_before_is_left_alone() -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as server,
        socket.create_connection(server.getsockname()) as one,
    ):
        with undelayed():
            pass
        assert delayed(one)
