"""One agent for one home: a lock that the kernel takes back when its holder dies, however it dies."""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path

from reconciler.errors import Stalled


@contextlib.contextmanager
def alone(home: Path) -> Iterator[None]:
    """Hold the home's lock. Raises `Stalled`: E-NOD-005 when another agent holds it, E-NOD-004 when there can be
    none."""
    try:
        home.mkdir(parents=True, exist_ok=True, mode=0o700)
        # The folder itself is locked, which works on a disk that is read-only too.
        handle = os.open(home, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError as error:
        raise Stalled(
            "E-NOD-004",
            f"the node's home {home} cannot be used: {error.strerror}",
            cure="Choose another --home",
        ) from None
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Stalled(
                "E-NOD-005",
                f"another agent works in the home {home}",
                cure="Stop it first, or give this one a --home of its own",
            ) from None
        yield
    finally:
        os.close(handle)


def see_that_root_is_no_stranger(home: Path) -> None:
    """Return unless this is root in the home of another user's node. Raises `Stalled` E-NOD-004.

    Every file is replaced by a new one, of whoever writes it: what root wrote there the agent could not even read, and
    it would not start again.
    """
    try:
        owner = (home / "identity.json").stat().st_uid
    except OSError:
        return
    if os.geteuid() == 0 and owner != 0:
        raise Stalled(
            "E-NOD-004",
            f"the node in {home} is not root's, but of the user with the number {owner}",
            cure=f"Run it as that user: sudo -u '#{owner}' sentinel-node …",
        )
