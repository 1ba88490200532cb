"""What every forge is asked and told, in shapes that do not depend on which one it is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from reconciler.forge.hooks import Hooks
from reconciler.forge.reports import Deployment, Report
from reconciler.forge.request import Ask, Request
from reconciler.plan.statuses import Status

APP_PREFIX = "app:"
"""Before the id of an App, where the others have the name of a user."""


@dataclass(frozen=True, slots=True)
class PullInfo:
    """A pull request as the forge has it. `head` is a commit id, or its beginning; `source` is empty for a branch of
    another repository. `merged` is the commit that merged it, or its beginning; empty while nobody has. `author` is the
    account that opened it."""

    number: int
    open: bool
    head: str
    source: str
    target: str
    merged: str = ""
    author: str = ""


@dataclass(frozen=True, slots=True)
class Review:
    """An account's standing approval of a pull request. `commit` is the head that it was given to, or its beginning;
    empty where the forge does not say."""

    account: str
    commit: str
    url: str = ""


@dataclass(frozen=True, slots=True)
class Note:
    """A comment on a pull request."""

    id: str
    author: str
    body: str


@dataclass(frozen=True, slots=True)
class Forge:
    """How one forge is spoken to. `repository` is its path in the forge, such as `acme/shop`.

    `api` is where its public service is, empty when there is none. `me` asks who we are; without it that is the user
    of the credentials. `notes` asks for one page of comments, counted from 1. `pull_ref` is where git has the head of a
    pull request, empty when nowhere. `edit_note` is also told the number that `version_of` read from the comment, where
    the forge wants it. `pulls_of` asks which pull requests brought a commit. `approvals` asks for the approvals of a
    pull request that stand, the last of each account. `deploy` shows a deployment, which is found when it is there
    already; it is None where the forge has no deployments. `annotate` shows findings beside the lines
    that they are about; with `annotates_as_app` only an App may. `close` closes a pull request without merging it; it
    is told the version that `version_of_pull` read from it, where the forge wants one.
    """

    api: str
    public_host: str
    headers: Callable[[str, str], dict[str, str]]
    me: Request | None
    read_me: Callable[[Any], str]
    status: Callable[[str, str, Status, str], Request]
    pull: Callable[[str, int], Request]
    read_pull: Callable[[Any], PullInfo]
    notes: Callable[[str, int, int], Request]
    read_notes: Callable[[Any], list[Note]]
    add_note: Callable[[str, int, str], Request]
    read_note: Callable[[Any], str]
    edit_note: Callable[[str, int, str, str, int], Request]
    pull_ref: Callable[[int], str]
    longest_note: int
    hooks: Hooks
    pulls_of: Callable[[str, str], Request]
    read_numbers: Callable[[Any], list[int]]
    approvals: Callable[[Ask, str, int], list[Review]]
    close: Callable[[str, int, int], Request]
    deploy: Callable[[Ask, str, Deployment], None] | None = None
    annotate: Callable[[Ask, str, Report], None] | None = None
    annotates_as_app: bool = False
    get_note: Callable[[str, int, str], Request] | None = None
    version_of: Callable[[Any], int] = lambda document: 0
    version_of_pull: Callable[[Any], int] = lambda document: 0
