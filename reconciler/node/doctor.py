"""Looks for what would keep a node from working. It changes nothing but a test file in the node's folders, which it
makes when they are missing; an agent may be at work in them."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from pathlib import Path

from reconciler.errors import ReconcilerError
from reconciler.node.effects import Failed, HttpReply, HttpRequest
from reconciler.node.files import NodeFiles
from reconciler.node.http import ControlPlane
from reconciler.node.process import ProcessProxy
from reconciler.node.runfolder import RunFolder, default_folder, is_in_memory
from reconciler.node.way import DIRECT, Way

LEAST_FREE = 256 * 1024 * 1024
"""Bytes: room for the largest bundle, unpacked, beside the one that runs."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at."""

    what: str
    ok: bool
    words: str


def examine(
    *,
    home: Path,
    control_plane: str | None,
    proxy_binary: str,
    admin_port: int,
    run_folder: Path | None,
    secrets_on_disk: bool,
    way: Way = DIRECT,
    config: Path | None = None,
) -> list[Finding]:
    """Look at settings, home, folder for secrets, registration, control plane and proxy, in this order."""
    files = NodeFiles(home)
    return [
        _config(config),
        _home(files),
        _secrets(run_folder or default_folder(home, os.environ), allowed=secrets_on_disk),
        _registration(files),
        _control_plane(control_plane, way),
        _binary(proxy_binary),
        _proxy(files, proxy_binary, admin_port),
    ]


def _config(path: Path | None) -> Finding:
    # A file with a mistake ends the command before it gets here.
    words = f"{path}, environment and flags" if path is not None else "environment and flags, no file"
    return Finding("settings", True, f"{words}; 'sentinel-node config' prints them")


def _home(files: NodeFiles) -> Finding:
    try:
        files.make()
        probe = files.home / "doctor.new"
        probe.write_bytes(b"doctor")
        probe.unlink()
        free = shutil.disk_usage(files.home).free
    except OSError as error:
        return Finding("home", False, f"{files.home} cannot be written: {error.strerror}")
    if free < LEAST_FREE:
        return Finding("home", False, f"{files.home} has {free >> 20} MiB left, less than {LEAST_FREE >> 20}")
    return Finding("home", True, f"{files.home}, {free >> 20} MiB free")


def _secrets(path: Path, *, allowed: bool) -> Finding:
    try:
        run = RunFolder(path, on_disk=allowed)
        run.prepare()
        run.check()
    except OSError as error:
        return Finding("secrets", False, f"{path} cannot be used: {error.strerror or error}")
    except ReconcilerError as error:
        return Finding("secrets", False, str(error))
    where = "in memory" if is_in_memory(path) else "ON DISK, as --secrets-on-disk allows"
    return Finding("secrets", True, f"{path}, {where}")


def _registration(files: NodeFiles) -> Finding:
    try:
        identity = files.identity()
    except ReconcilerError as error:
        return Finding("registration", False, str(error))
    if identity is None:
        return Finding("registration", False, "not registered yet: give a join token once")
    return Finding("registration", True, f"{identity.id} in {identity.environment} of {identity.project}")


def _control_plane(url: str | None, way: Way) -> Finding:
    if not url:
        return Finding("control plane", False, "SENTINEL_CONTROL_PLANE is not set")
    try:
        plane = ControlPlane(url, way=way)
    except ReconcilerError as error:
        return Finding("control plane", False, str(error))
    answer = plane.ask(HttpRequest("GET", "/health", {}, None, 65536, 10.0))
    plane.close()
    if isinstance(answer, HttpReply) and answer.status == 200:
        return Finding("control plane", True, f"{url} answers")
    words = answer.words if isinstance(answer, Failed) else f"status {getattr(answer, 'status', '?')}"
    return Finding("control plane", False, f"{url}: {words}")


def _binary(binary: str) -> Finding:
    found = shutil.which(binary)
    if found is None or not os.access(found, os.X_OK):
        return Finding("proxy binary", False, f"'{binary}' is not an executable: set SENTINEL_PROXY_BINARY")
    return Finding("proxy binary", True, found)


def _proxy(files: NodeFiles, binary: str, admin_port: int) -> Finding:
    if not files.link.exists():
        return Finding("proxy", True, "not started: nothing was activated yet")
    report = ProcessProxy(binary, files.link, admin_port, files.home / "proxy.log").running()
    return Finding("proxy", report.healthy, report.reason or f"serves configuration {report.config_id}")
