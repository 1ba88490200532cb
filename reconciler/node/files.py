"""The node's folder: who it is, what it remembers, staged bundles, and the symlink that the proxy reads.

    identity.json   who this node is and its key, mode 0600
    state.json      what it remembers, mode 0600
    bundles/<hex>/  one folder for each staged bundle, complete or absent
    sealed/<hex>    the sealed secrets of that bundle, mode 0600; without the key in identity.json they open nothing
    order.json      what the operator on this machine wants of the agent, until it is done; outcome.json what came of it
    current         symlink to bundles/<hex>/config/<environment>/sentinel.kdl, or to a rendering in memory

Everything is written beside its place, flushed to the disk and renamed, so that a power cut leaves the old or the new
whole. Methods raise OSError.
"""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
from collections.abc import Mapping
from pathlib import Path, PurePosixPath

from reconciler.bundle.archive import build_tar, digest_of
from reconciler.bundle.manifest import MANIFEST
from reconciler.node.durable import replace_durably, sync_folder, write_durably
from reconciler.node.orders import NoOrder, Order, Outcome, decode_order, decode_outcome, encode
from reconciler.node.rendering import is_rendered
from reconciler.node.runfolder import attached
from reconciler.node.state import (
    Identity,
    NodeState,
    decode_identity,
    decode_state,
    encode_identity,
    encode_state,
)

ORDER, OUTCOME = "order.json", "outcome.json"


class NodeFiles:
    """The files of one node below `home`. Looking changes nothing; whoever writes calls `prepare` first."""

    def __init__(self, home: Path) -> None:
        self.home = home.absolute()
        self.link = self.home / "current"
        self.bundles = self.home / "bundles"
        self.sealed = self.home / "sealed"

    def make(self) -> None:
        """Make the folders, private to this user."""
        self.home.mkdir(parents=True, exist_ok=True, mode=0o700)
        for folder in (self.bundles, self.sealed):
            folder.mkdir(exist_ok=True, mode=0o700)

    def prepare(self) -> None:
        """Make the folders and remove what an interrupted write left behind: for the agent alone, who writes there."""
        self.make()
        for unfinished in (
            *self.bundles.glob("*.new"),
            *self.sealed.glob("*.new"),
            *self.home.glob("*.new"),
        ):
            try:
                if unfinished.is_dir() and not unfinished.is_symlink():
                    shutil.rmtree(unfinished)
                else:
                    unfinished.unlink()
            except OSError as error:
                # On a disk that became read-only the proxy is still served from what lies there.
                if error.errno != errno.EROFS:
                    raise

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

    def recall(self, digest: str) -> dict[str, bytes]:
        """Every file of a staged bundle. Raises OSError when one is missing, or is not what was staged."""
        folder = self.folder(digest)
        paths = sorted(path for path in folder.rglob("*") if path.is_symlink() or not path.is_dir())
        if not paths:
            raise FileNotFoundError(f"{folder} is missing")
        # What a symlink leads to is not a part of the folder, however right its bytes are now.
        strange = next((path for path in paths if path.is_symlink() or not path.is_file()), None)
        if strange is not None:
            raise OSError(f"{strange} is not a file")
        files = {str(path.relative_to(folder)): path.read_bytes() for path in paths}
        found = digest_of(build_tar(files))
        if found != digest:
            raise OSError(
                f"{folder} was changed after it had been verified: it has the digest {found[:19]} now"
            )
        return files

    def ordered(self) -> int:
        """When the order that waits was written, in nanoseconds; 0 where none waits."""
        try:
            return (self.home / ORDER).stat().st_mtime_ns
        except OSError:
            return 0

    def order(self) -> Order | None:
        """The order that waits. Raises OSError for a file that is none."""
        path = self.home / ORDER
        try:
            return decode_order(path.read_bytes())
        except FileNotFoundError:
            return None
        except NoOrder as error:
            raise OSError(f"{path} is no order: {error}") from None

    def give_order(self, order: Order) -> None:
        """Leave an order for the agent."""
        (self.home / OUTCOME).unlink(missing_ok=True)
        replace_durably(self.home / ORDER, encode(order))

    def outcome(self, order: Order) -> Outcome | None:
        """What came of an order, None while it waits. Raises OSError."""
        with contextlib.suppress(FileNotFoundError, NoOrder):
            outcome = decode_outcome((self.home / OUTCOME).read_bytes())
            return outcome if outcome.order == order.id else None
        return None

    def end_order(self, outcome: Outcome | None) -> None:
        """Take the order away and, unless nobody carried it out, say what came of it."""
        if outcome is not None:
            replace_durably(self.home / OUTCOME, encode(outcome))
        (self.home / ORDER).unlink(missing_ok=True)

    def keep_sealed(self, digest: str, sealed: bytes) -> None:
        """Keep the sealed secrets of a bundle; durable when it returns."""
        replace_durably(self.sealed / self.folder(digest).name, sealed)

    def sealed_of(self, digest: str) -> bytes:
        """The sealed secrets of a bundle; empty when none were kept."""
        try:
            return (self.sealed / self.folder(digest).name).read_bytes()
        except FileNotFoundError:
            return b""

    def templates(self, digest: str, environment: str) -> dict[str, bytes]:
        """The files of a staged bundle that its rendering is made of, and its manifest."""
        folder = self.folder(digest)
        names = [MANIFEST, *(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())]
        return {
            name: (folder / name).read_bytes()
            for name in names
            if name == MANIFEST or is_rendered(name, environment)
        }

    def switch(self, target: Path | None) -> None:
        """Let `current` name this configuration, or nothing; durable when it returns."""
        if target is None:
            self.link.unlink(missing_ok=True)
        else:
            if not target.is_file():
                raise FileNotFoundError(f"{target} is missing")
            fresh = self.home / "current.new"
            fresh.unlink(missing_ok=True)
            fresh.symlink_to(target.relative_to(self.home) if target.is_relative_to(self.bundles) else target)
            fresh.rename(self.link)
        sync_folder(self.home)

    def linked(self) -> str:
        """The digest that `current` leads to, empty when there is no symlink or it leads to something else."""
        try:
            target = PurePosixPath(os.readlink(self.link))
            name = attached(Path(target)) if target.is_absolute() else target.parts[1]
        except (OSError, IndexError):
            return ""
        return f"sha256:{name}"

    def linked_rendering(self) -> str:
        """The rendering that `current` names, empty when it names none."""
        try:
            target = Path(os.readlink(self.link))
        except OSError:
            return ""
        return target.parents[2].name if target.is_absolute() else ""

    def prune(self, keep: frozenset[str]) -> None:
        """Remove staged bundles other than `keep` and the one that `current` names, and their sealed secrets."""
        kept = {self.folder(digest).name for digest in (*keep, self.linked()) if digest}
        for sealed in self.sealed.iterdir():
            if sealed.name not in kept:
                sealed.unlink()
        for folder in self.bundles.iterdir():
            if folder.name not in kept and folder.is_dir():
                # A half-removed folder must not look complete after a power cut.
                doomed = folder.with_suffix(".new")
                folder.rename(doomed)
                shutil.rmtree(doomed)
