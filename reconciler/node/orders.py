"""Orders of the operator on the machine to the agent that runs there: one at a time, in a file of the node's home.

The agent alone changes what the node runs, so `sentinel-node rollback` does not do it beside a running agent: it leaves
an order, which ends the agent's rest, and waits for what came of it. Whoever may write into the home may give one.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, fields
from typing import Any, Literal, TypeVar

from reconciler.clock import parse_iso

T = TypeVar("T")

LONGEST_REASON = 300
LONGEST_SECONDS = 30 * 24 * 3600
"""As long as a bundle may be held off."""

LATEST_SECONDS = 600.0
"""An order that is older was left for an agent that died; whoever gave it has long been told so."""


class NoOrder(Exception):
    """The file is no order, or no outcome of one."""


@dataclass(frozen=True, slots=True)
class Order:
    """Go back to the bundle before, or end that. `at` is RFC 3339; `seconds`: how long the other one is not taken."""

    id: str
    verb: Literal["rollback", "end"]
    at: str
    because: str
    seconds: int


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of an order. `code` is empty where it was carried out."""

    order: str
    code: str
    message: str


def encode(record: Order | Outcome) -> bytes:
    """The file `order.json` or `outcome.json`."""
    return (json.dumps(asdict(record), indent=1, sort_keys=True) + "\n").encode()


def decode_order(data: bytes) -> Order:
    """Read `order.json`. Raises `NoOrder`."""
    order = _decode(Order, data)
    if order.verb not in ("rollback", "end"):
        raise NoOrder("it asks for nothing that an agent does")
    if type(order.seconds) is not int or not 0 < order.seconds <= LONGEST_SECONDS:
        raise NoOrder(f"'seconds' is not a whole number from 1 to {LONGEST_SECONDS}")
    try:
        parse_iso(order.at)
    except ValueError:
        raise NoOrder("'at' is no moment") from None
    return order


def decode_outcome(data: bytes) -> Outcome:
    """Read `outcome.json`. Raises `NoOrder`."""
    return _decode(Outcome, data)


def _decode(kind: type[T], data: bytes) -> T:
    try:
        document: Any = json.loads(data)
    except (ValueError, RecursionError):
        raise NoOrder("it is not JSON") from None
    names = {field.name for field in fields(kind)}  # type: ignore[arg-type]
    if not isinstance(document, dict) or set(document) != names:
        raise NoOrder(f"it does not have exactly the fields {', '.join(sorted(names))}")
    texts = [value for name, value in document.items() if name != "seconds"]
    if not all(isinstance(text, str) for text in texts):
        raise NoOrder("a field is not a text")
    return kind(**document)
