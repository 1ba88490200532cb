"""What `--against REV` compares a folder with: the commit that its branch left from, and what was said since."""

from __future__ import annotations

from pathlib import Path

import click

from reconciler.config.characters import shown
from reconciler.config.rules.step import Former
from reconciler.config.source import SourceFile, is_read
from reconciler.errors import Refused
from reconciler.git.local import LocalRepository

MOST = 1000
"""Commits whose messages are read; a branch that is longer is merged in parts."""


def former_at(path: Path, revision: str) -> Former:
    """The project of `path` at the last commit that HEAD shares with a revision, and the trailers of those since.

    Raises click.UsageError when there is no such thing.
    """
    folder = path if path.is_dir() else path.parent
    repository = LocalRepository.around(folder)
    if repository is None:
        raise click.UsageError(
            f"{shown(str(folder))} is in no git repository, so there is nothing to compare."
        )
    sha = repository.revision(revision)
    if sha is None:
        raise click.UsageError(
            f"{shown(revision)} is neither HEAD nor a branch, a tag or a full commit id of this repository, "
            "nor a commit before one of them such as HEAD~1."
        )
    base = repository.fork_point(sha)
    if base is None:
        raise click.UsageError(f"HEAD and {shown(revision)} have no commit in common.")
    try:
        files = tuple(SourceFile(name, content) for name, content in repository.read(base, is_read))
        trailers = tuple(info.trailers for info in repository.since(base, limit=MOST))
    except Refused as refused:
        raise click.UsageError(str(refused)) from None
    where = f"{revision}, which is {base[:12]}" if base == sha else f"{base[:12]}, shared with {revision},"
    return Former(where, files, trailers)
