"""Where a bundle that is to be rebuilt is found, with its statement and its repository: in files, or in an installation
that this machine is part of."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import click
import pygit2

from reconciler.bundle import archive
from reconciler.bundle.fields import DIGEST
from reconciler.bundle.limits import LIMITS
from reconciler.bundle.statement import Statement, peek_statement
from reconciler.config.characters import shown
from reconciler.errors import Refused, Stalled
from reconciler.flows.context import Context, load_installation, open_context
from reconciler.git.mirror import Mirror
from reconciler.node.verify_command import read_file, statement_beside
from reconciler.settings import read_settings
from reconciler.store import layout


@dataclass(frozen=True, slots=True)
class Original:
    """A bundle as it was published. `files` are None when only its statement is at hand; `context` is the installation
    that has it, if it came from one."""

    stated: Statement
    files: Mapping[str, bytes] | None
    context: Context | None = None


def find_original(wanted: str, statement: Path | None) -> Original:
    """The bundle that `wanted` names: a file, or a digest that `statement` or this machine's installation knows.

    Raises click.UsageError when nothing is found, `Refused` (E-RPR-001) when what is found does not belong
    together.
    """
    path = Path(wanted)
    if not DIGEST.fullmatch(wanted):
        if not path.is_file():
            raise click.UsageError(f"{shown(wanted)} is neither a digest (sha256:<hex>) nor a file.")
        stated = _statement(read_file(statement or statement_beside(path), LIMITS.statement))
        return Original(stated, _files(read_file(path, LIMITS.blob), stated))
    if statement is not None:
        stated = _statement(read_file(statement, LIMITS.statement))
        if stated.digest != wanted:
            raise Refused("E-RPR-001", f"the statement is about {stated.digest}, not about {wanted}")
        return Original(stated, None)
    for context in _contexts():
        names = (context.organization.slug, context.project.slug, wanted)
        if context.store.exists(layout.statement(*names)):
            stated = _statement(context.store.get(layout.statement(*names), limit=LIMITS.statement))
            blob = context.store.get(layout.bundle(*names), limit=LIMITS.blob)
            return Original(stated, _files(blob, stated), context)
    raise click.UsageError(
        "There is no statement of that digest in an installation here: name it with --statement, "
        "or name the file of the bundle."
    )


@contextmanager
def open_repository(named: str | None, original: Original) -> Iterator[Mirror]:
    """The repository that was named, else the installation's mirror, else what the statement says is fetched."""
    if named is not None and Path(named).exists():
        yield _clone(Path(named))
        return
    if named is None and original.context is not None:
        mirror = original.context.mirror
        if not mirror.has_commit(original.stated.commit):
            mirror.fetch()
        yield mirror
        return
    with tempfile.TemporaryDirectory(prefix="sentinelctl-") as folder:
        mirror = Mirror.open(Path(folder) / "mirror.git", named or original.stated.repository, None)
        mirror.fetch()
        yield mirror


def _contexts() -> Iterator[Context]:
    settings = read_settings(os.environ)
    try:
        installation = load_installation(settings)
    except Stalled as stalled:
        raise click.UsageError(
            f"Name the statement with --statement, or the file of the bundle: {stalled.message}."
        ) from None
    for organization in installation.organizations:
        for project in organization.projects:
            yield open_context(settings, installation, organization.slug, project.slug, os.environ)


def _statement(envelope: bytes) -> Statement:
    return peek_statement(envelope, limit=LIMITS.statement)


def _files(blob: bytes, stated: Statement) -> archive.Files:
    tar = archive.decompress(blob)
    if archive.digest_of(tar) != stated.digest:
        raise Refused(
            "E-RPR-001", f"the bundle is {archive.digest_of(tar)}, and the statement is about {stated.digest}"
        )
    return archive.read_tar(tar)


def _clone(path: Path) -> Mirror:
    """Any clone on this machine, with or without a work tree. It is only read."""
    found = pygit2.discover_repository(str(path))
    try:
        repository = pygit2.Repository(found) if found is not None else None
    except pygit2.GitError as error:
        raise click.UsageError(f"{path} cannot be opened as a repository: {error}.") from None
    if repository is None:
        raise click.UsageError(f"{path} is not in a git repository.")
    return Mirror(repository, str(path), None, Path(repository.path))
