"""What every forge's receiver makes of a delivery: the same few shapes, whichever forge it is from."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, Protocol


class Headers(Protocol):
    """The headers of a request, whose names are looked up without regard to case, as werkzeug's are."""

    def get(self, key: str, default: str, /) -> str: ...


@dataclass(frozen=True, slots=True)
class Repository:
    """What the forge calls a repository: its URLs, and its path such as `acme/shop`. Either may be missing."""

    addresses: tuple[str, ...] = ()
    full_name: str = ""


@dataclass(frozen=True, slots=True)
class Move:
    """A reference, by its full name, that is said to have moved.

    `before` and `after` are commit ids, empty when the reference did not or does not exist, or when nobody says.
    """

    ref: str
    before: str = ""
    after: str = ""


@dataclass(frozen=True, slots=True)
class Push:
    """References that may have moved. No moves at all means that the payload named none we understand."""

    moves: tuple[Move, ...]
    repository: Repository


@dataclass(frozen=True, slots=True)
class PullRequest:
    """Something happened to a pull request into the branch `target`, a full name. `head` is a commit id or empty."""

    number: int
    action: Literal["opened", "updated", "merged", "closed", "reviewed"]
    target: str
    head: str
    repository: Repository


@dataclass(frozen=True, slots=True)
class Renamed:
    """The forge calls the repository something else now. `before` has the names under which we may know it."""

    before: Repository
    repository: Repository


@dataclass(frozen=True, slots=True)
class Ignored:
    """An authentic delivery that is none of our business, and why."""

    reason: str


@dataclass(frozen=True, slots=True)
class Malformed:
    """An authentic delivery that cannot be read, and why."""

    reason: str


Read = Push | PullRequest | Renamed | Ignored | Malformed


def nothing_unsigned(headers: Headers) -> str:
    """For forges that sign whatever they send."""
    return ""


@dataclass(frozen=True, slots=True)
class Receiver:
    """The pure part of receiving from one forge, in the order in which it is used.

    `unsigned(headers)` says why a delivery that its forge never signs is answered without being looked at, and is empty
    for all that has to be signed. `verify(headers, body, secrets, now)` is false without a secret. `identify(headers,
    body)` gives (delivery id, event) or None when a header is missing or odd. `read(event, headers, body)` says what
    the delivery asks for.
    """

    verify: Callable[[Headers, bytes, Sequence[bytes], datetime], bool]
    identify: Callable[[Headers, bytes], tuple[str, str] | None]
    read: Callable[[str, Headers, bytes], Read]
    unsigned: Callable[[Headers], str] = nothing_unsigned
