"""Which ssh hosts are trusted in one conversation: those whose keys are pinned, and no others.

libgit2 compares a host's key with the file `.ssh/known_hosts` of a home folder that holds for the whole process, and
asks the host for a key of a kind that stands there. So a conversation gets a home folder of its own, one at a time.
The binding shows the key itself to nobody (pygit2 1.21 calls back without it), hence this way.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import pygit2

from reconciler.git.identity import Credentials
from reconciler.git.url import is_ssh

_ONE_AT_A_TIME = threading.Lock()
"""The home folder is the process's. A host that hangs holds up the other ssh hosts of this process until it is left."""


@contextmanager
def trusted_hosts(url: str, credentials: Credentials | None) -> Iterator[None]:
    """In the block, trust what `credentials` pins for ssh, or the user's own file where they pin nothing."""
    if not is_ssh(url):
        yield
        return
    lines = credentials.known_hosts if credentials is not None else None
    with _ONE_AT_A_TIME:
        if lines is None:
            yield
            return
        before = pygit2.settings.homedir or ""
        with TemporaryDirectory(prefix="sentinel-hosts-") as home:
            file = Path(home) / ".ssh" / "known_hosts"
            file.parent.mkdir()
            file.write_text("".join(f"{line}\n" for line in lines), "ascii")
            pygit2.settings.homedir = home
            try:
                yield
            finally:
                pygit2.settings.homedir = before
