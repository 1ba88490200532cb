"""The node's folder: who it is, what it remembers, staged bundles, and the symlink that the proxy reads.

    identity.json   who this node is and its key, mode 0600
    state.json      what it remembers, mode 0600
    bundles/<hex>/  one folder for each staged bundle, complete or absent
    current         symlink to bundles/<hex>/config/<environment>/sentinel.kdl

Everything is written beside its place, flushed to the disk and renamed, so that a power cut leaves the old or the new
whole. Methods raise OSError.
"""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Mapping
from pathlib import Path, PurePosixPath

from reconciler.node.state import (
    Identity,
    NodeState,
    decode_identity,
    decode_state,
    encode_identity,
    encode_state,
)


class NodeFiles:
    """The files of one node below `home`, which is made when missing."""

    def __init__(self, home: Path) -> None:
        self.home = home.absolute()
        self.link = self.home / "current"
        self.bundles = self.home / "bundles"

    def prepare(self) -> None:
        """Make the folders, private to this user, and remove what an interrupted write left behind."""
        self.home.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.bundles.mkdir(exist_ok=True, mode=0o700)
        for unfinished in (*self.bundles.glob("*.new"), *self.home.glob("*.new")):
            if unfinished.is_dir() and not unfinished.is_symlink():
                shutil.rmtree(unfinished)
            else:
                unfinished.unlink()

    def identity(self) -> Identity | None:
        """Who this node is, or None before registration. Raises `Stalled` when the file is damaged."""
        path = self.home / "identity.json"
        try:
            return decode_identity(path.read_bytes(), str(path))
        except FileNotFoundError:
            return None

    def state(self) -> NodeState | None:
        """What it remembers, or None when it never saved. Raises `Stalled` when the file is damaged."""
        path = self.home / "state.json"
        try:
            return decode_state(path.read_bytes(), str(path))
        except FileNotFoundError:
            return None

    def save_identity(self, identity: Identity) -> None:
        """Replace `identity.json`; durable when it returns."""
        replace_durably(self.home / "identity.json", encode_identity(identity))

    def save_state(self, state: NodeState) -> None:
        """Replace `state.json`; durable when it returns."""
        replace_durably(self.home / "state.json", encode_state(state))

    def folder(self, digest: str) -> Path:
        """Where the bundle of this digest is or would be staged."""
        return self.bundles / digest.removeprefix("sha256:")

    def config(self, digest: str, environment: str) -> Path:
        """The proxy configuration inside a staged bundle."""
        return self.folder(digest) / "config" / environment / "sentinel.kdl"

    def stage(self, digest: str, files: Mapping[str, bytes]) -> Path:
        """Write a bundle's files into its folder. A folder that exists is complete and holds the same bytes."""
        folder = self.folder(digest)
        if folder.is_dir():
            return folder
        unfinished = folder.with_suffix(".new")
        shutil.rmtree(unfinished, ignore_errors=True)
        unfinished.mkdir(mode=0o700)
        made = {unfinished}
        for name, content in sorted(files.items()):
            # The verifier has refused such names already; writing outside our folder must not depend on it.
            parts = PurePosixPath(name).parts
            if not parts or name.startswith("/") or ".." in parts:
                raise OSError(f"the bundle names a file '{name}' outside its folder")
            path = unfinished.joinpath(*parts)
            path.parent.mkdir(parents=True, exist_ok=True)
            made.update(parent for parent in path.parents if unfinished in (parent, *parent.parents))
            write_durably(path, content, mode=0o644)
        for directory in sorted(made, reverse=True):
            sync_folder(directory)
        unfinished.rename(folder)
        sync_folder(self.bundles)
        return folder

    def switch(self, digest: str | None, environment: str) -> None:
        """Let `current` name this bundle's configuration, or nothing; durable when it returns."""
        if digest is None:
            self.link.unlink(missing_ok=True)
        else:
            target = self.config(digest, environment)
            if not target.is_file():
                raise FileNotFoundError(f"{target} is missing")
            fresh = self.home / "current.new"
            fresh.unlink(missing_ok=True)
            fresh.symlink_to(target.relative_to(self.home))
            fresh.rename(self.link)
        sync_folder(self.home)

    def linked(self) -> str:
        """The digest that `current` names, empty when there is no symlink or it names something else."""
        try:
            parts = PurePosixPath(os.readlink(self.link)).parts
        except OSError:
            return ""
        return f"sha256:{parts[1]}" if len(parts) > 1 and parts[0] == "bundles" else ""

    def prune(self, keep: frozenset[str]) -> None:
        """Remove staged bundles other than `keep` and the one that `current` names."""
        kept = {self.folder(digest).name for digest in (*keep, self.linked()) if digest}
        for folder in self.bundles.iterdir():
            if folder.name not in kept and folder.is_dir():
                # A half-removed folder must not look complete after a power cut.
                doomed = folder.with_suffix(".new")
                folder.rename(doomed)
                shutil.rmtree(doomed)


def write_durably(path: Path, content: bytes, *, mode: int) -> None:
    """Write a new file and flush it to the disk. The file exists with `mode` from its first byte on."""
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC | os.O_NOFOLLOW, mode)
    with os.fdopen(handle, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def replace_durably(path: Path, content: bytes) -> None:
    """Put `content` in the place of `path`, mode 0600: the old bytes or the new, never a mixture."""
    fresh = path.with_name(path.name + ".new")
    with contextlib.suppress(FileNotFoundError):
        fresh.unlink()
    write_durably(fresh, content, mode=0o600)
    fresh.rename(path)
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Flush a folder's entries to the disk."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
