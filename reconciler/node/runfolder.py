"""The folder in memory where a node opens its secrets: renderings of bundles, gone with the power.

    <id>/  one folder for each rendering, complete or absent; its files have mode 0600

Every node has a folder of its own, named by its home, so that several on one machine do not meet. Values are written
nowhere but in a file system that is in memory, unless whoever runs the node allows it. Methods raise OSError, and
`Refused` where they say so.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import stat
from collections.abc import Mapping
from pathlib import Path

from reconciler.errors import Refused
from reconciler.node.durable import write_durably

IN_MEMORY = frozenset({"tmpfs", "ramfs"})
MOUNTS = Path("/proc/self/mountinfo")
BUNDLE = "bundle"


class RunFolder:
    """The renderings of one node below `path`, which is made when first needed."""

    def __init__(self, path: Path, *, on_disk: bool = False) -> None:
        self.path = path.absolute()
        self._on_disk = on_disk

    def folder(self, rendering: str) -> Path:
        """Where a rendering is or would be."""
        return self.path / rendering

    def config(self, rendering: str, environment: str) -> Path:
        """The proxy's configuration in a rendering."""
        return self.folder(rendering) / "config" / environment / "sentinel.kdl"

    def prepare(self) -> None:
        """Make the folder, private to this user. Raises OSError when it is somebody else's."""
        for folder in (self.path.parent, self.path):
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            about = folder.lstat()
            if not stat.S_ISDIR(about.st_mode) or about.st_uid != os.geteuid():
                raise PermissionError(f"{folder} is not a folder of this user")
        if self.path.stat().st_mode & 0o077:
            raise PermissionError(f"{self.path} can be read by others")

    def check(self) -> None:
        """Raises `Refused` (E-NOD-055) when what is written here would reach a disk, and nobody allowed that."""
        if not self._on_disk and not is_in_memory(self.path):
            raise Refused(
                "E-NOD-055",
                f"{self.path} is not in memory, and secrets are opened nowhere else",
                cure="Set SENTINEL_NODE_RUN to a folder on tmpfs, or allow it with --secrets-on-disk",
            )

    def place(self, rendering: str, files: Mapping[str, bytes]) -> None:
        """Make a rendering hold exactly these files. One that is there already is only completed where it differs."""
        self.prepare()
        folder = self.folder(rendering)
        target = folder if folder.is_dir() else folder.with_suffix(".new")
        for name, content in files.items():
            path = target / name
            if not _holds(path, content):
                path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
                fresh = path.with_name(path.name + ".new")
                fresh.unlink(missing_ok=True)
                write_durably(fresh, content, mode=0o600)
                fresh.rename(path)
        if target != folder:
            target.rename(folder)

    def is_attached(self, rendering: str) -> bool:
        """Whether the rendering's `bundle` names some staged bundle."""
        return (self.folder(rendering) / BUNDLE).is_symlink()

    def attach(self, rendering: str, staged: Path) -> None:
        """Let the rendering's `bundle` name this staged bundle, by one rename."""
        fresh = self.folder(rendering) / f"{BUNDLE}.new"
        fresh.unlink(missing_ok=True)
        fresh.symlink_to(staged)
        fresh.rename(self.folder(rendering) / BUNDLE)

    def prune(self, keep: frozenset[str]) -> None:
        """Remove renderings other than these, and what an interrupted write left behind."""
        with contextlib.suppress(FileNotFoundError):
            for folder in self.path.iterdir():
                if folder.name not in keep:
                    shutil.rmtree(folder)

    def wipe(self) -> None:
        """Remove everything, the node's own folder included: nobody needs what was opened."""
        self.prune(frozenset())
        with contextlib.suppress(FileNotFoundError):
            self.path.rmdir()


def attached(config: Path) -> str:
    """The name of the staged bundle that a rendered configuration belongs to. Raises OSError when there is none."""
    return Path(os.readlink(config.parents[2] / BUNDLE)).name


def default_folder(home: Path, environ: Mapping[str, str]) -> Path:
    """A folder in memory for the node of this home: below /run for root, else $XDG_RUNTIME_DIR, else /dev/shm."""
    user = os.geteuid()
    places = [Path("/run/sentinel-node")] if user == 0 else []
    if environ.get("XDG_RUNTIME_DIR"):
        places.append(Path(environ["XDG_RUNTIME_DIR"]) / "sentinel-node")
    # Everybody may make folders there; `prepare` refuses one that is not this user's own.
    places.append(Path(f"/dev/shm/sentinel-node-{user}"))  # noqa: S108
    place = next((place for place in places if is_in_memory(place)), places[0])
    return place / hashlib.sha256(os.fsencode(home.absolute())).hexdigest()[:16]


def is_in_memory(path: Path) -> bool:
    """Whether a folder, or the nearest one above it that exists, is on a file system in memory. No answer is no."""
    try:
        mounts = [line.split(" ") for line in MOUNTS.read_text().splitlines()]
        kinds = {fields[2]: fields[fields.index("-") + 1] for fields in mounts}
        existing = next(folder for folder in (path, *path.parents) if folder.exists())
        device = existing.stat().st_dev
    except (OSError, ValueError, IndexError):
        return False
    return kinds.get(f"{os.major(device)}:{os.minor(device)}") in IN_MEMORY


def _holds(path: Path, content: bytes) -> bool:
    try:
        return stat.S_IMODE(path.lstat().st_mode) == 0o600 and path.read_bytes() == content
    except OSError:
        return False
