"""Where a backup is written to and read from: a file, or an object in a bucket."""

from __future__ import annotations

import os
import secrets
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from reconciler.errors import Stalled
from reconciler.settings import Settings
from reconciler.store.single import SCHEME, download, upload


@contextmanager
def writing_to(settings: Settings, place: str) -> Iterator[BinaryIO]:
    """A file to write into; when the block ends well it is at `place`, whole, and readable by its owner alone.

    Nothing is overwritten: raises `Stalled` E-BAK-101, or what the object store raises.
    """
    if place.startswith(SCHEME):
        with tempfile.TemporaryDirectory(prefix="sentinel-backup-") as folder:
            path = Path(folder) / "backup"
            with _fresh(path) as file:
                yield file
            upload(settings, place, path)
        return
    target = Path(place)
    fresh = target.with_name(f".{target.name}.{secrets.token_hex(8)}")
    with _told(target):
        opened = _fresh(fresh)
    try:
        with opened as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        # A link is made only where nothing is, so nothing is overwritten, and never half-written either.
        with _told(target):
            os.link(fresh, target)
    finally:
        fresh.unlink(missing_ok=True)
    folder_descriptor = os.open(target.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder_descriptor)
    finally:
        os.close(folder_descriptor)


@contextmanager
def reading_from(settings: Settings, place: str) -> Iterator[BinaryIO]:
    """The file at `place`, opened. Raises `Stalled` E-BAK-102, or what the object store raises."""
    if place.startswith(SCHEME):
        with tempfile.TemporaryDirectory(prefix="sentinel-backup-") as folder:
            path = Path(folder) / "backup"
            download(settings, place, path)
            with path.open("rb") as file:
                yield file
        return
    try:
        opened = Path(place).open("rb")  # noqa: SIM115 — closed below: only the opening is translated.
    except OSError as error:
        raise Stalled(
            "E-BAK-102",
            f"the backup {place} cannot be read: {error.strerror}",
            cure="Name the file, or s3://BUCKET/KEY",
        ) from None
    with opened as file:
        yield file


@contextmanager
def _told(target: Path) -> Iterator[None]:
    """What the file system says of making `target`, in our words; what the backup itself meets passes through."""
    try:
        yield
    except FileExistsError:
        raise Stalled(
            "E-BAK-101",
            f"there is a file at {target} already",
            cure="Backups are never overwritten: name a new one",
        ) from None
    except FileNotFoundError:
        raise Stalled("E-BAK-101", f"there is no folder {target.parent}", cure="Make it") from None
    except OSError as error:
        raise Stalled(
            "E-BAK-101",
            f"the backup cannot be made at {target}: {error.strerror}",
            cure="Name a folder that you may write to, or s3://BUCKET/KEY",
        ) from None


def _fresh(path: Path) -> BinaryIO:
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600), "wb")
