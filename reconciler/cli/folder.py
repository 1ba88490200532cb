"""Finds the files of a folder on disk, as a worker would find them in a commit."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import click

from reconciler.config.findings import Finding
from reconciler.config.snapshot import Snapshot, read_snapshot
from reconciler.config.source import SourceFile, is_read
from reconciler.git.local import ignored_by_git
from reconciler.git.reading import DEFAULT_LIMITS


def config_files(path: Path) -> list[SourceFile]:
    """The files of a folder that a worker would read, `*.kdl` and those that they may name, by path from there; or the
    one file. Links are not followed, `.git` is left out.

    Raises click.ClickException when something cannot be read.
    """
    try:
        if path.is_file():
            return [SourceFile(path.name, path.read_bytes())]
        return [SourceFile(f.relative_to(path).as_posix(), f.read_bytes()) for f in sorted(_walk(path))]
    except OSError as error:
        raise click.ClickException(f"cannot read {error.filename}: {error.strerror}") from None


def read_folder(path: Path) -> tuple[Snapshot | None, tuple[Finding, ...], dict[str, bytes]]:
    """The snapshot of a folder, or None when there is an error; all findings, and the files' content for excerpts."""
    files = config_files(path)
    snapshot, findings = read_snapshot(files)
    return snapshot, findings, {file.path: file.content for file in files}


def other_files(path: Path) -> list[SourceFile]:
    """The other files of a folder, which are only searched for keys and tokens: as many as a worker searches.

    What git ignores is left out. Of what cannot be read nothing is said: it is no part of the configuration.
    """
    if path.is_file():
        return []
    found, total = [], 0
    for file in sorted(_walk(path, others=True)):
        try:
            size = file.stat().st_size
            if size > DEFAULT_LIMITS.other_file_bytes or total + size > DEFAULT_LIMITS.other_bytes:
                continue
            content = file.read_bytes()
        except OSError:
            continue
        total += len(content)
        found.append(SourceFile(file.relative_to(path).as_posix(), content))
    return found


def _walk(root: Path, *, others: bool = False) -> Iterator[Path]:
    ignored = ignored_by_git(root) if others else lambda path: False
    for folder, names, files in os.walk(root):
        here = Path(folder)
        names[:] = sorted(name for name in names if name != ".git" and not ignored(here / name))
        for name in files:
            path = here / name
            if (
                is_read(path.relative_to(root).as_posix()) is not others
                and path.is_file()
                and not path.is_symlink()
                and not ignored(path)
            ):
                yield path
