"""Webhooks as they are set up at a forge, and what became of their deliveries."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from reconciler.forge.request import Request


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
