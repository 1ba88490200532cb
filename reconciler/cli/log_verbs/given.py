"""Reads checkpoints that were seen elsewhere: from a file, a trailer, a node's state or the branches of a clone."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pygit2

from reconciler.bundle.checkpoint import PREFIX, Checkpoint, read_checkpoint, read_short
from reconciler.bundle.limits import LIMITS
from reconciler.bundle.pointer import peek_pointer
from reconciler.errors import Refused, Stalled
from reconciler.flows.log.checking import Given
from reconciler.flows.projection import LOG_TRAILER
from reconciler.git.commits import describe

LONGEST = 1024 * 1024
FAR = 20_000
"""Commits of one branch that are looked at, the newest first."""


def read_given(text: str) -> list[Given]:
    """What an argument names: a checkpoint in its short form, with or without `Log:` before it, or a file.

    Raises `Stalled` (E-LOG-007) when there is no checkpoint in it.
    """
    words = text.strip().removeprefix(f"{LOG_TRAILER}:").strip()
    if words.startswith(PREFIX) and not Path(text).exists():
        return [Given("the argument", _short(words, text))]
    try:
        with Path(text).open("rb") as file:
            content = file.read(LONGEST)
    except OSError as error:
        raise _unusable(text, error.strerror or "it cannot be read") from None
    found = [Given(text, checkpoint) for checkpoint in _of_file(content, text)]
    if not found:
        raise _unusable(text, "there is no checkpoint in it")
    return found


def read_clone(folder: str) -> list[Given]:
    """The checkpoints in the trailers of every environment branch of a clone, each where it was seen last.

    Raises `Stalled` (E-LOG-007) when it is no clone, or when no branch has a trailer.
    """
    try:
        repository = pygit2.Repository(folder)
        found = list(_of_branches(repository))
    except (pygit2.GitError, KeyError) as error:
        raise _unusable(
            folder, f"it is no git repository that can be read ({type(error).__name__})"
        ) from None
    if not found:
        raise _unusable(folder, "no environment branch in it has a commit with a trailer 'Log:'")
    return found


def _of_branches(repository: pygit2.Repository) -> Iterator[Given]:
    seen: set[str] = set()
    for name in sorted(repository.references):
        parts = name.split("/")
        if parts[1] not in ("heads", "remotes") or "env" not in parts[2:-1]:
            continue
        commit = repository.references[name].resolve().peel(pygit2.Commit)
        for _ in range(FAR):
            info = describe(commit)
            value = info.trailer(LOG_TRAILER)
            if value is not None and value not in seen:
                seen.add(value)
                yield Given(f"{'/'.join(parts[2:])} at {info.sha[:12]}", _short(value, info.sha))
            if not commit.parents:
                break
            commit = commit.parents[0]


def _of_file(content: bytes, where: str) -> Iterator[Checkpoint]:
    """A signed checkpoint, a pointer, a node's `state.json`, or lines with trailers such as `git log` prints."""
    text = content.decode("utf-8", "replace")
    if text.startswith("{"):
        yield _of_json(content, where)
        return
    if text.startswith(PREFIX) and "\n\n" in text:
        try:
            yield read_checkpoint(text)
        except Refused as refusal:
            raise _unusable(where, refusal.message) from None
        return
    for line in text.splitlines():
        words = line.strip().removeprefix(f"{LOG_TRAILER}:").strip()
        if words.startswith(PREFIX):
            yield _short(words, where)


def _of_json(content: bytes, where: str) -> Checkpoint:
    try:
        document: Any = json.loads(content)
        if "payload" in document:
            return read_checkpoint(peek_pointer(content.strip(), limit=LIMITS.pointer).log.checkpoint)
        log = document["log"]
        return read_checkpoint(log["checkpoint"] if isinstance(log, dict) else document["checkpoint"])
    except Refused as refusal:
        raise _unusable(where, refusal.message) from None
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise _unusable(where, "it is no pointer and no node's state with a checkpoint in it") from None


def _short(text: str, where: str) -> Checkpoint:
    try:
        return read_short(text)
    except Refused as refusal:
        raise _unusable(where, refusal.message) from None


def _unusable(where: str, words: str) -> Stalled:
    return Stalled(
        "E-LOG-007",
        f"no checkpoint can be had from '{where[:200]}': {words}",
        cure="Give a checkpoint file, a pointer, a node's state.json, a line with 'Log:', or --clone DIR",
    )
