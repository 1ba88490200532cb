"""What every forge's receiver makes of a delivery."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol


class Headers(Protocol):
    """The headers of a request, whose names are looked up without regard to case, as werkzeug's are."""

    def get(self, key: str, default: str, /) -> str: ...


@dataclass(frozen=True, slots=True)
class Push:
    """Branches that may have moved. `refs` are full names; empty means that the payload named none we understand.

    `addresses` are the URLs and `full_name` the path, such as `acme/shop`, by which the forge calls the repository.
    """

    refs: tuple[str, ...]
    addresses: tuple[str, ...]
    full_name: str


@dataclass(frozen=True, slots=True)
class Ignored:
    """An authentic delivery that is none of our business, and why."""

    reason: str


@dataclass(frozen=True, slots=True)
class Malformed:
    """An authentic delivery that cannot be read, and why."""

    reason: str


@dataclass(frozen=True, slots=True)
class Receiver:
    """The pure part of receiving from one forge, in the order in which it is used.

    `verify(headers, body, secrets)` is false without a secret. `identify(headers)` gives (delivery id, event) or None
    when a header is missing or odd. `read(event, headers, body)` says what the delivery asks for.
    """

    verify: Callable[[Headers, bytes, Sequence[bytes]], bool]
    identify: Callable[[Headers], tuple[str, str] | None]
    read: Callable[[str, Headers, bytes], Push | Ignored | Malformed]
