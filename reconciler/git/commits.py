"""One commit as data, and the reading of its message."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime

import pygit2

TRAILER = re.compile(r"([A-Za-z][A-Za-z0-9-]*): (.*)")
OLDEST = 0
NEWEST = 253_402_300_799
"""The last second of the year 9999. Git stores any 64-bit number, and a date beyond this has no calendar."""


@dataclass(frozen=True, slots=True)
class CommitInfo:
    """A commit. Ids are 40 hex digits; moments are aware, in UTC, cut to the years 1970–9999.

    `trailers` are the `Name: value` lines of the last paragraph in their order, a name may come more than once;
    `body` is what stands between the subject and them. Bytes that are no UTF-8 are shown as U+FFFD.
    """

    sha: str
    tree: str
    parents: tuple[str, ...]
    author_name: str
    author_email: str
    committer_email: str
    authored_at: datetime
    committed_at: datetime
    subject: str
    body: str
    trailers: tuple[tuple[str, str], ...]

    def trailer(self, name: str) -> str | None:
        """The value of the first trailer called `name`, or None."""
        return next((value for found, value in self.trailers if found == name), None)


def describe(commit: pygit2.Commit) -> CommitInfo:
    """Turn libgit2's commit into data."""
    subject, body, trailers = read_message(commit.raw_message.decode("utf-8", "replace"))
    return CommitInfo(
        sha=str(commit.id),
        tree=str(commit.tree_id),
        parents=tuple(str(parent) for parent in commit.parent_ids),
        author_name=commit.author.raw_name.decode("utf-8", "replace"),
        author_email=commit.author.raw_email.decode("utf-8", "replace"),
        committer_email=commit.committer.raw_email.decode("utf-8", "replace"),
        authored_at=_moment(commit.author.time),
        committed_at=_moment(commit.committer.time),
        subject=subject,
        body=body,
        trailers=trailers,
    )


def read_message(message: str) -> tuple[str, str, tuple[tuple[str, str], ...]]:
    """Split a commit message into subject, body and trailers, as `git interpret-trailers` sees them.

    The last paragraph is trailers only when each of its lines is one and it is not the subject.
    """
    paragraphs = re.split(r"\n\s*\n", message.strip("\n"))
    subject = " ".join(paragraphs[0].split())
    rest = paragraphs[1:]
    trailers: tuple[tuple[str, str], ...] = ()
    if rest:
        found = [TRAILER.fullmatch(line.rstrip()) for line in rest[-1].strip("\n").split("\n")]
        if all(found):
            trailers = tuple((match[1], match[2].strip()) for match in found if match is not None)
            rest = rest[:-1]
    return subject, "\n\n".join(rest), trailers


def _moment(seconds: int) -> datetime:
    return datetime.fromtimestamp(min(max(seconds, OLDEST), NEWEST), UTC)
