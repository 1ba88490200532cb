"""What a forge says, before it is put into its own words."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

NONE = "0" * 40


@dataclass(frozen=True)
class Repo:
    """A repository of the forge at `base`."""

    full_name: str = "acme/shop"
    base: str = "https://forge.example"
    clone_url: str = "https://forge.example/acme/shop.git"

    @property
    def number(self) -> int:
        return int(hashlib.sha256(self.full_name.encode()).hexdigest()[:7], 16)

    @property
    def owner(self) -> str:
        return self.full_name.rpartition("/")[0]

    @property
    def short(self) -> str:
        return self.full_name.rpartition("/")[2]


@dataclass(frozen=True)
class Change:
    """One reference that moved; `NONE` where there is no commit."""

    ref: str
    before: str
    after: str
    forced: bool = False

    @property
    def created(self) -> bool:
        return self.before == NONE

    @property
    def deleted(self) -> bool:
        return self.after == NONE

    @property
    def bare(self) -> str:
        return self.ref.split("/", 2)[2]

    @property
    def is_tag(self) -> bool:
        return self.ref.startswith("refs/tags/")


@dataclass(frozen=True)
class Pull:
    """A pull request. `happened`: opened, updated, merged, closed or reviewed."""

    number: int
    happened: str
    head: str
    source: str = "topic"
    target: str = "main"
    title: str = "Change something"
    author: str = "ada"


@dataclass(frozen=True)
class Delivery:
    """One request as it leaves the forge, signed or not."""

    event: str
    id: str
    body: bytes
    headers: dict[str, str] = field(default_factory=dict)

    def having(self, **headers: str) -> Delivery:
        return replace(self, headers=self.headers | headers)


@dataclass(frozen=True)
class Dialect:
    """How one forge speaks.

    `forge` is the name in our URLs, `label` tells two ways of the same forge apart. `push(repo, changes, id)` gives the
    deliveries of one push, none when this forge sends none for it. `sign(delivery, secret, now)` adds what proves where
    it is from.
    """

    label: str
    forge: str
    secret: bytes
    push: Callable[[Repo, list[Change], str], list[Delivery]]
    pull: Callable[[Repo, Pull, str], Delivery] | None
    ping: Callable[[Repo, str], Delivery]
    sign: Callable[[Delivery, bytes, datetime], Delivery]
    signature: str
    """The header that carries the proof."""


def encoded(document: Any) -> bytes:
    return json.dumps(document, separators=(",", ":")).encode()


def hexadecimal(body: bytes, secret: bytes) -> str:
    return hmac.new(secret, body, hashlib.sha256).hexdigest()


def part_id(delivery: str, index: int) -> str:
    """The id of one of several deliveries of a push."""
    return delivery if index == 0 else f"{delivery}-{index}"
