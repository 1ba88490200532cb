"""One request to a forge, how it is signed, and how what comes back is read, whichever forge it is."""

from __future__ import annotations

import base64
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol, TypeVar
from urllib.parse import urlsplit

T = TypeVar("T")
MOST_PAGES = 20


@dataclass(frozen=True, slots=True)
class Request:
    """One call of a forge's API. `path` begins behind the API's address, `body` is JSON or None.

    `fine_when`: an answer of 400 that has these words says that it is so already. `beside` is another API that is
    asked, by its path beside the one whose path ends in `/api/…`.
    """

    method: str
    path: str
    body: dict[str, Any] | list[Any] | None = None
    fine_when: str = ""
    beside: str = ""


class Ask(Protocol):
    """Sends a request, and gives what `read` makes of the answer."""

    def __call__(self, request: Request, read: Callable[[Any], T], /) -> T: ...


def paged(
    ask: Ask, page: Callable[[int], Request], read: Callable[[Any], list[T]], size: int
) -> list[T] | None:
    """What all pages have together, which are counted from 1 and hold `size` things each but for the last; None when
    there are more of them than `MOST_PAGES`: what stands on the others may take back what these say."""
    found: list[T] = []
    for number in range(1, MOST_PAGES + 1):
        more = ask(page(number), read)
        found += more
        if len(more) < size:
            return found
    return None


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


def text(value: Any) -> str:
    """A text of an answer; empty for anything else."""
    return value if isinstance(value, str) else ""


def moment(value: str) -> datetime:
    """A moment of an answer. Raises ValueError for anything without a time zone."""
    found = datetime.fromisoformat(value)
    if found.tzinfo is None:
        raise ValueError("a moment without a time zone")
    return found
