"""The server configuration that work is done with: the file as it is, or the last one that could be used.

Whoever does work keeps a copy of each good one in SENTINEL_HOME, since a job lives too short to remember it. Verbs on
the command line read the file itself, and say what is wrong with it.
"""

from __future__ import annotations

import logging
import os
import tempfile
from contextlib import suppress
from pathlib import Path

from reconciler.config.installation import Installation, read_installation
from reconciler.errors import Stalled
from reconciler.settings import Settings

log = logging.getLogger(__name__)

PROBLEM = ".problem"
"""Stands behind the file's name in that of the file that says why its repository cannot be followed."""

COPY = "control-plane.last-good.kdl"


def usable_installation(settings: Settings) -> Installation:
    """The server configuration; while the file has mistakes, the last good one. Raises `Stalled` E-SET-004 and
    E-SET-005 when there never was a good one here."""
    try:
        content = settings.config_file.read_bytes()
    except OSError as fault:
        problem = Stalled(
            "E-SET-004",
            f"the server configuration {settings.config_file} cannot be read: {fault.strerror}",
            cure="Write it, or set SENTINEL_CONFIG to where it is; docs/installation.md has an example",
        )
    else:
        installation, findings = read_installation(content, settings.config_file.name)
        if installation is not None:
            keep(settings.home / COPY, content)
            return installation
        lines = "; ".join(str(finding) for finding in findings)
        problem = Stalled(
            "E-SET-005", f"the server configuration has mistakes: {lines}", cure="Correct the file"
        )
    kept = last_good(settings.home)
    if kept is None:
        raise problem
    log.error("server-configuration-unusable: %s. The last good one is used", problem)
    return kept


def last_good(home: Path) -> Installation | None:
    """The copy of the last good configuration, or None."""
    try:
        content = (home / COPY).read_bytes()
    except OSError:
        return None
    return read_installation(content, COPY)[0]


def keep(path: Path, content: bytes) -> bool:
    """Put content into a file at once, whole or not at all; False when it is there already. Raises OSError."""
    with suppress(OSError):
        if path.read_bytes() == content:
            return False
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, beside = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        # Other processes of this installation may run as other users, and the file holds no secret: keys are URIs.
        Path(beside).chmod(0o644)
        os.replace(beside, path)
    except BaseException:
        Path(beside).unlink(missing_ok=True)
        raise
    return True
