"""The strict form of what a node counted, as it stands in a heartbeat under `signals`."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import lru_cache
from operator import itemgetter
from typing import Any

from reconciler.fleet.signals import HIGHEST, MOST_BUCKETS, MOST_SERVICES, Counts, Signals
from web.nodes.body import matching, number, only
from web.nodes.problems import malformed

LIFE = re.compile(r"[0-9A-Za-z_.-]{1,63}")
SERVICE = re.compile(r"[A-Za-z0-9_.-]{0,63}")
BOUND = re.compile(r"[1-9][0-9]{0,8}")

_FIELDS = frozenset({"life", "services", "cpu_permille", "memory_permille", "open_breakers"})
_COUNTS = frozenset({"requests", "failed", "observed", "within_ms"})
_WHOLE = {int}


def read_signals(value: Any) -> Signals:
    """Check the field `signals` of a heartbeat. Raises `Problem` 400 that names the field."""
    if not isinstance(value, dict):
        raise malformed("'signals' must be an object with 'life' and 'services'")
    only(value, _FIELDS, "signals.")
    services = value.get("services")
    if not isinstance(services, dict) or len(services) > MOST_SERVICES:
        raise malformed(f"'signals.services' must be an object of at most {MOST_SERVICES} services")
    _check_names(tuple(services))
    return Signals(
        life=matching(value, "life", LIFE, "1 to 63 letters, digits, '_', '.' or '-'"),
        services=_services(services),
        cpu_permille=_permille(value, "cpu_permille"),
        memory_permille=_permille(value, "memory_permille"),
        open_breakers=_optional(value, "open_breakers"),
    )


def _services(services: Mapping[str, Any]) -> dict[str, Counts]:
    found: dict[str, Counts] = {}
    numbers: list[Any] = []
    for name, value in services.items():
        if not isinstance(value, dict):
            raise malformed("a service in 'signals' must be an object")
        if value.keys() != _COUNTS:
            only(value, _COUNTS, "signals.services.…")
            raise malformed(f"a service in 'signals' must have {', '.join(sorted(_COUNTS))}")
        within = value["within_ms"]
        if not isinstance(within, dict) or len(within) > MOST_BUCKETS:
            raise malformed(f"'within_ms' must be an object of at most {MOST_BUCKETS} counts")
        pick, bounds = _bounds(tuple(within))
        counts = Counts(value["requests"], value["failed"], value["observed"], bounds, pick(within))
        numbers += (counts.requests, counts.failed, counts.observed, *counts.within)
        found[name] = counts
    # There are many of these numbers, so they are looked at together: `bool` is an `int` and no number.
    if not numbers:
        return found
    if set(map(type, numbers)) != _WHOLE or min(numbers) < 0:
        raise malformed("the counts of 'signals' must be whole numbers from 0 on")
    if max(numbers) > HIGHEST:
        raise malformed(f"a counter in 'signals' must be at most {HIGHEST}")
    for counts in found.values():
        rising = [*counts.within, counts.observed]
        if counts.failed > counts.requests or rising != sorted(rising):
            raise malformed("in 'signals' a part is larger than its whole, or a bucket than the next one")
    return found


@lru_cache(maxsize=1024)
def _check_names(names: tuple[str, ...]) -> None:
    """A node has the same services each time."""
    if not all(map(SERVICE.fullmatch, names)):
        raise malformed("a name in 'signals.services' must have at most 63 letters, digits, '_', '.' or '-'")


@lru_cache(maxsize=1024)
def _bounds(names: tuple[str, ...]) -> tuple[Callable[[Mapping[str, Any]], tuple[Any, ...]], tuple[int, ...]]:
    """What picks the counts out of buckets of these names, and their bounds, both rising. Nearly every report has the
    same ones."""
    if not all(BOUND.fullmatch(name) for name in names):
        raise malformed("a name in 'within_ms' must be a whole number of milliseconds")
    bounds = sorted(map(int, names))
    return itemgetter(*map(str, bounds)) if len(names) > 1 else _all, tuple(bounds)


def _all(within: Mapping[str, Any]) -> tuple[Any, ...]:
    return tuple(within.values())


def _permille(value: Mapping[str, Any], name: str) -> int | None:
    found = _optional(value, name)
    if found is not None and found > 1000:
        raise malformed(f"'{name}' must be null or a whole number from 0 to 1000")
    return found


def _optional(value: Mapping[str, Any], name: str) -> int | None:
    return None if value.get(name) is None else min(number(value, name), 2**31 - 1)
