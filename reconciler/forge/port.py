"""What every forge is asked and told, in shapes that do not depend on which one it is."""

from __future__ import annotations

import base64
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol, TypeVar
from urllib.parse import urlsplit

from reconciler.plan.statuses import Status

T = TypeVar("T")
MOST_PAGES = 20


@dataclass(frozen=True, slots=True)
class Request:
    """One call of a forge's API. `path` begins behind the API's address, `body` is JSON or None.

    `fine_when`: an answer of 400 that has these words says that it is so already.
    """

    method: str
    path: str
    body: dict[str, Any] | None = None
    fine_when: str = ""


@dataclass(frozen=True, slots=True)
class PullInfo:
    """A pull request as the forge has it. `head` is a commit id, or its beginning; `source` is empty for a branch of
    another repository. `merged` is the commit that merged it, or its beginning; empty while nobody has."""

    number: int
    open: bool
    head: str
    source: str
    target: str
    merged: str = ""


@dataclass(frozen=True, slots=True)
class Review:
    """An account's standing approval of a pull request. `commit` is the head that it was given to, or its beginning;
    empty where the forge does not say."""

    account: str
    commit: str
    url: str = ""


@dataclass(frozen=True, slots=True)
class Deployment:
    """How far a commit of trunk has come in an environment. `state` is pending, success, failure or over, when another
    release came before it ended. `task` tells this installation's deployments from those of others."""

    environment: str
    sha: str
    trunk: str
    state: str
    description: str
    url: str
    task: str


class Ask(Protocol):
    """Sends a request, and gives what `read` makes of the answer."""

    def __call__(self, request: Request, read: Callable[[Any], T], /) -> T: ...


@dataclass(frozen=True, slots=True)
class Note:
    """A comment on a pull request."""

    id: str
    author: str
    body: str


@dataclass(frozen=True, slots=True)
class Hook:
    """A webhook that is set up at the forge. `trouble` is what the forge says is wrong with it, empty for nothing."""

    id: str
    url: str
    trouble: str = ""


@dataclass(frozen=True, slots=True)
class Attempt:
    """A delivery as the forge remembers it. `delivery` is what its repetitions share, `id` what it is asked for by.
    `at` is None where the forge does not say when it was."""

    id: str
    delivery: str
    arrived: bool
    at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Hooks:
    """How webhooks are set up. `add` is given the URL and the secret, `edit` the id as well. `test` has the forge
    deliver the last push again, `attempts` asks what became of the deliveries of a webhook and `again` for one more
    attempt; each is None where the forge's API has no such thing."""

    listed: Callable[[str], Request]
    read: Callable[[Any], list[Hook]]
    add: Callable[[str, str, str], Request]
    edit: Callable[[str, str, str, str], Request]
    read_one: Callable[[Any], Hook]
    test: Callable[[str, str], Request] | None
    attempts: Callable[[str, str], Request] | None = None
    read_attempts: Callable[[Any], list[Attempt]] = lambda document: []
    again: Callable[[str, str, str], Request] | None = None


@dataclass(frozen=True, slots=True)
class Forge:
    """How one forge is spoken to. `repository` is its path in the forge, such as `acme/shop`.

    `api` is where its public service is, empty when there is none. `me` asks who we are; without it that is the user
    of the credentials. `notes` asks for one page of comments, counted from 1. `pull_ref` is where git has the head of a
    pull request, empty when nowhere. `edit_note` is also told the number that `version_of` read from the comment, where
    the forge wants it. `pulls_of` asks which pull requests brought a commit. `approvals` asks for the approvals of a
    pull request that stand, the last of each account. `deploy` shows a deployment, which is found when it is there
    already; it is None where the forge has no deployments.
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
    deploy: Callable[[Ask, str, Deployment], None] | None = None
    get_note: Callable[[str, int, str], Request] | None = None
    version_of: Callable[[Any], int] = lambda document: 0


def path_of(repository: str) -> str:
    """The path of a repository's URL in its forge, without `.git`."""
    if "://" not in repository:
        return repository.partition(":")[2].strip("/").removesuffix(".git")
    return urlsplit(repository).path.strip("/").removesuffix(".git")


def bearer(user: str, token: str) -> dict[str, str]:
    """The token alone."""
    return {"Authorization": f"Bearer {token}"}


def basic(user: str, token: str) -> dict[str, str]:
    """User and token."""
    return {"Authorization": "Basic " + base64.b64encode(f"{user}:{token}".encode()).decode()}


def paged(ask: Ask, page: Callable[[int], Request], read: Callable[[Any], list[T]], size: int) -> list[T]:
    """What all pages have together, which are counted from 1 and hold `size` things each but for the last."""
    found: list[T] = []
    for number in range(1, MOST_PAGES + 1):
        more = ask(page(number), read)
        found += more
        if len(more) < size:
            break
    return found


def moment(value: str) -> datetime:
    """A moment of an answer. Raises ValueError for anything without a time zone."""
    found = datetime.fromisoformat(value)
    if found.tzinfo is None:
        raise ValueError("a moment without a time zone")
    return found


def text(value: Any) -> str:
    """A text of an answer; empty for anything else."""
    return value if isinstance(value, str) else ""
