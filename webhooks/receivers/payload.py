"""Reads JSON that may hold anything: what has another form than it should is as good as absent, never an error."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qs

from webhooks.receivers.delivery import Headers, Malformed, Move, Repository

LONGEST_NAME = 1000
"""Longer references and URLs than this are no names of anything."""

MOST_MOVES = 10_000
"""More references than this are looked at without being named."""

COMMIT = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
DELIVERY = re.compile(r"[A-Za-z0-9._:-]{1,100}")
EVENT = re.compile(r"[A-Za-z][A-Za-z0-9_: -]{0,62}")
REF = re.compile(r"refs/(?:heads|tags)/.+")


def document(headers: Headers, body: bytes) -> dict[str, Any] | Malformed:
    """The JSON object of a body, or of the field `payload` of a form."""
    content = body
    media_type = headers.get("Content-Type", "").partition(";")[0].strip().lower()
    if media_type == "application/x-www-form-urlencoded":
        try:
            fields = parse_qs(body.decode("ascii"), max_num_fields=10)
        except ValueError:
            return Malformed("the form cannot be read")
        content = fields.get("payload", [""])[0].encode("utf-8", "surrogatepass")
    try:
        # The parser is recursive and gives up by itself long before the stack ends.
        payload = json.loads(content)
    except RecursionError:
        return Malformed("the JSON is nested too deeply")
    except ValueError:
        return Malformed("the body is not JSON")
    return payload if isinstance(payload, dict) else Malformed("the JSON is not an object")


def identity(delivery: str, event: str) -> tuple[str, str] | None:
    """A delivery's id and event when both look like what a forge sends, else None."""
    return (delivery, event) if DELIVERY.fullmatch(delivery) and EVENT.fullmatch(event) else None


def part(value: object, *keys: str) -> Any:
    """What lies in nested objects below `keys`, or None where one of them is missing or no object."""
    for key in keys:
        if not isinstance(value, Mapping):
            return None
        value = value.get(key)
    return value


def items(value: object) -> list[Any]:
    """A list, or an empty one for anything else."""
    return value if isinstance(value, list) else []


def name(value: object) -> str:
    """`value` when it can be the name of something, else empty."""
    return value if isinstance(value, str) and len(value) <= LONGEST_NAME and value.isprintable() else ""


def number(value: object) -> int:
    """`value` when it can be the number of a pull request, else 0."""
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 < value < 2**31 else 0


def commit(value: object) -> str:
    """A commit's whole id, of whichever length git has; empty for all noughts, which mean that there is none."""
    found = value if isinstance(value, str) and COMMIT.fullmatch(value) else ""
    return found if found.strip("0") else ""


def branch(value: object) -> str:
    """The full name of a branch that the forge calls by its bare one."""
    found = name(value)
    return f"refs/heads/{found}" if found else ""


def move(ref: object, before: object, after: object) -> tuple[Move, ...]:
    """One move in a tuple, or none when `ref` is not the full name of a branch or a tag."""
    found = name(ref)
    return (Move(found, commit(before), commit(after)),) if REF.fullmatch(found) else ()


def few(moves: list[Move]) -> tuple[Move, ...]:
    """The moves, or none, which stands for any, when there are too many to name."""
    return tuple(moves) if len(moves) <= MOST_MOVES else ()


def repository(value: object, *keys: str, full_name: str = "full_name") -> Repository:
    """A repository whose URLs stand below `keys`."""
    addresses = (name(part(value, key)) for key in keys)
    return Repository(tuple(one for one in addresses if one), name(part(value, full_name)))
