"""The server configuration of a process that runs for long: read again when its file changes."""

from __future__ import annotations

import logging
import threading
from contextlib import suppress
from pathlib import Path

from reconciler.config.installation import Installation, read_installation
from reconciler.errors import Stalled

log = logging.getLogger(__name__)


class InstalledFile:
    """`control-plane.kdl`, held in memory. A change that has mistakes is reported and the last good state is kept."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._stamp: tuple[int, int, int] | None = None
        self._current: Installation | None = None
        self._problem: Stalled | None = None

    @property
    def folder(self) -> Path:
        """Where relative key URIs start from."""
        return self._path.parent

    @property
    def problem(self) -> Stalled | None:
        """Why the file as it is now cannot be used, or None."""
        return self._problem

    def current(self) -> Installation:
        """The newest state that could be read. Raises `Stalled` when there has been none yet."""
        with suppress(OSError):
            # Nearly always nothing has changed, and then nobody waits for the lock. The stamp is written last.
            if self._read_stamp() == self._stamp and self._current is not None:
                return self._current
        with self._lock:
            try:
                stamp = self._read_stamp()
            except OSError as fault:
                self._report(
                    Stalled(
                        "E-SET-004",
                        f"the server configuration {self._path} cannot be read: {fault.strerror}",
                        cure="Write it, or set SENTINEL_CONFIG to where it is; docs/installation.md has an example",
                    )
                )
            else:
                if stamp != self._stamp:
                    self._read()
                    self._stamp = stamp
            if self._current is None:
                raise self._problem or RuntimeError("neither a configuration nor a reason why not")
            return self._current

    def _read_stamp(self) -> tuple[int, int, int]:
        state = self._path.stat()
        return (state.st_mtime_ns, state.st_size, state.st_ino)

    def _read(self) -> None:
        try:
            content = self._path.read_bytes()
        except OSError as fault:
            self._report(Stalled("E-SET-004", f"the server configuration cannot be read: {fault.strerror}"))
            return
        installation, findings = read_installation(content, self._path.name)
        if installation is None:
            lines = "; ".join(str(finding) for finding in findings)
            self._report(
                Stalled(
                    "E-SET-005", f"the server configuration has mistakes: {lines}", cure="Correct the file"
                )
            )
            return
        self._current, self._problem = installation, None

    def _report(self, problem: Stalled) -> None:
        if str(problem) != str(self._problem):
            log.error("server-configuration-unusable: %s", problem)
        self._problem = problem
