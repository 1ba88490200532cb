"""A real ssh server for tests that serves bare repositories by running git. Keys are made anew for each."""

from __future__ import annotations

import asyncio
import contextlib
import shlex
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import asyncssh

PROGRAMS = ("git-upload-pack", "git-receive-pack")
KINDS = ("ssh-ed25519", "ecdsa-sha2-nistp256", "ssh-rsa")


def new_key(kind: str = "ssh-ed25519") -> asyncssh.SSHKey:
    return asyncssh.generate_private_key(kind)


def public(key: asyncssh.SSHKey) -> str:
    """Kind and key, as they stand in a line of known_hosts."""
    return key.export_public_key("openssh").decode().strip()


def private(key: asyncssh.SSHKey, form: str = "openssh") -> str:
    return key.export_private_key(form).decode()


class SshServer:
    """A running server; `host_keys` by kind, `user` the key that it lets in. `asked` are the commands that it ran and
    `met` the users that began to say who they are."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.host_keys = {kind: new_key(kind) for kind in KINDS}
        self.user = new_key()
        self.asked: list[str] = []
        self.met: list[str] = []
        self.port = 0

    def line(self, key: asyncssh.SSHKey | None = None) -> str:
        """A line of known_hosts for this server, with its own Ed25519 key or another."""
        return f"[127.0.0.1]:{self.port} {public(key or self.host_keys['ssh-ed25519'])}"

    def url(self, name: str) -> str:
        return f"ssh://git@127.0.0.1:{self.port}/{name}.git"


class _Session(asyncssh.SSHServer):
    def __init__(self, server: SshServer) -> None:
        self._server = server

    def begin_auth(self, username: str) -> bool:
        self._server.met.append(username)
        return True

    def validate_public_key(self, username: str, key: asyncssh.SSHKey) -> bool:
        return username == "git" and public(key) == public(self._server.user)

    def public_key_auth_supported(self) -> bool:
        return True


async def _copy(source: Any, target: Any) -> None:
    with contextlib.suppress(ConnectionError, asyncssh.Error):
        while data := await source.read(65_536):
            target.write(data)
            await target.drain()
    if hasattr(target, "write_eof"):
        with contextlib.suppress(ConnectionError, OSError):
            target.write_eof()


@contextlib.contextmanager
def serving_ssh(folder: Path) -> Iterator[SshServer]:
    """Serve the bare repositories in `folder` on a free port, from a thread of its own."""
    server = SshServer(folder)
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()

    async def run(process: asyncssh.SSHServerProcess[bytes]) -> None:
        program, path = shlex.split(process.command or "")
        server.asked.append(program)
        assert program in PROGRAMS
        child = await asyncio.create_subprocess_exec(
            program,
            str(folder / path.lstrip("/")),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
        )
        assert child.stdin is not None
        assert child.stdout is not None
        inwards = asyncio.ensure_future(_copy(process.stdin, child.stdin))
        try:
            with contextlib.suppress(ConnectionError):
                await _copy(child.stdout, process.stdout)
        finally:
            # Who hangs up half-way, or a server that stops, leaves nothing running.
            inwards.cancel()
            if child.returncode is None:
                with contextlib.suppress(ProcessLookupError):
                    child.kill()
            child.stdin.close()
            await child.wait()
        process.exit(0)

    async def start() -> asyncssh.SSHAcceptor:
        return await asyncssh.create_server(
            lambda: _Session(server),
            "127.0.0.1",
            0,
            server_host_keys=list(server.host_keys.values()),
            process_factory=run,
            encoding=None,
        )

    async def stop(acceptor: asyncssh.SSHAcceptor) -> None:
        acceptor.close()
        await acceptor.wait_closed()
        rest = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in rest:
            task.cancel()
        await asyncio.gather(*rest, return_exceptions=True)
        # Pipes of children that have ended are closed by the loop itself, in its next turns.
        await asyncio.sleep(0.05)

    acceptor = asyncio.run_coroutine_threadsafe(start(), loop).result(30)
    server.port = acceptor.get_port()
    try:
        yield server
    finally:
        asyncio.run_coroutine_threadsafe(stop(acceptor), loop).result(30)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(30)
        loop.close()
