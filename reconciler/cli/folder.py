"""Finds the config files of a folder on disk, as a worker would find them in a commit."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import click

from reconciler.config.findings import Finding
from reconciler.config.snapshot import Snapshot, read_snapshot
from reconciler.config.source import SourceFile, is_read


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


def _walk(root: Path) -> Iterator[Path]:
    for folder, names, files in os.walk(root):
        names[:] = sorted(name for name in names if name != ".git")
        for name in files:
            path = Path(folder) / name
            if is_read(name) and not path.is_symlink():
                yield path
