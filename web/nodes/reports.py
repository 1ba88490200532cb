"""What a node says of itself: the strict form of a heartbeat. A field that is left out changes nothing."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from types import MappingProxyType
from typing import Any

import orjson

from reconciler.fleet.signals import Signals
from reconciler.labels import MOST, objection
from web.nodes.body import matching, number, only, string_map, text
from web.nodes.measured import read_signals
from web.nodes.problems import malformed

DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
CONFIG_ID = re.compile(r"[0-9a-f]{16}")
BOOT_ID = re.compile(r"[0-9A-Za-z_-]{8,63}")
CODE = re.compile(r"E-[A-Z]{2,5}-[0-9]{3}")
MOMENT = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,6})?Z")

LOG = re.compile(r"sentinel/[a-z0-9][a-z0-9_.-]{0,62} (?:0|[1-9][0-9]{0,15}) [A-Za-z0-9+/]{43}=")
LOG_FORM = "null or a checkpoint: the log's name, its size and its root in base64"

FULL = 100
"""All of the weight that a node can have."""

HEALTH = frozenset({"healthy", "unhealthy", "unknown"})
REASON_LIMIT = 1_000
MESSAGE_LIMIT = 2_000

_FIELDS = frozenset(
    {
        "boot_id",
        "counter",
        "running",
        "config_id",
        "delivered",
        "sequence",
        "health",
        "refusal",
        "versions",
        "weight",
        "log",
        "labels",
        "signals",
    }
)
_EACH_TIME = frozenset({"boot_id", "counter", "signals"})
"""Fields that differ from node to node, or from one heartbeat to the next."""

LONGEST_KNOWN = 4_000
"""Bytes of what is remembered of a heartbeat: much more than a usual one has."""

_REFUSAL = frozenset({"code", "message", "digest", "sequence", "at"})


@dataclass(frozen=True, slots=True)
class Report:
    """A heartbeat. `said` holds only what the node said, under the names of the columns of `Node`."""

    boot_id: str
    counter: int
    said: Mapping[str, Any] = field(default_factory=dict)
    signals: Signals | None = None
    beat: str = ""
    """Tells this report from another one with the same counter."""


def read_report(document: Mapping[str, Any], beat: str = "") -> Report:
    """Check a heartbeat. `running`, `config_id`, `delivered`, `refusal`, `log` and `weight` may be null: there is none.

    Raises `Problem` 400 that names the field.
    """
    only(document, _FIELDS)
    boot_id = matching(document, "boot_id", BOOT_ID, "8 to 63 letters, digits, '-' or '_'")
    counter = number(document, "counter")
    said = _said({name: value for name, value in document.items() if name not in _EACH_TIME})
    signals = read_signals(document["signals"]) if document.get("signals") is not None else None
    return Report(boot_id, counter, said, signals, beat)


def _said(document: Mapping[str, Any]) -> Mapping[str, Any]:
    """What a heartbeat says besides `_EACH_TIME`. Nodes of a fleet say the same for hours, which is checked once."""
    try:
        words = orjson.dumps(document)
    except TypeError:
        # Whole numbers beyond 64 bits, for one: to be refused by name.
        return _read_said(document)
    return _known_said(words) if len(words) <= LONGEST_KNOWN else _read_said(document)


@lru_cache(maxsize=2048)
def _known_said(words: bytes) -> Mapping[str, Any]:
    return MappingProxyType(_read_said(orjson.loads(words)))


def _read_said(document: Mapping[str, Any]) -> dict[str, Any]:
    said: dict[str, Any] = {}
    for name, pattern, expected in (
        ("running", DIGEST, "null or 'sha256:' and 64 hex digits"),
        ("delivered", DIGEST, "null or 'sha256:' and 64 hex digits"),
        ("config_id", CONFIG_ID, "null or 16 hex digits"),
    ):
        if name in document:
            said[name] = "" if document[name] is None else matching(document, name, pattern, expected)
    if "sequence" in document:
        said["sequence"] = number(document, "sequence")
    if "health" in document:
        said["health"], said["health_reason"] = _health(document["health"])
    if "refusal" in document:
        said["refusal"] = None if document["refusal"] is None else _refusal(document["refusal"])
    if "versions" in document:
        said["versions"] = string_map(document, "versions", most=8)
    if "weight" in document:
        said["weight"] = None if document["weight"] is None else _weight(document)
    if "log" in document:
        said["log"] = "" if document["log"] is None else matching(document, "log", LOG, LOG_FORM)
    if "labels" in document:
        said["labels"] = read_labels(document)
    return said


def read_labels(document: Mapping[str, Any]) -> dict[str, str]:
    """The field `labels` of a heartbeat or a registration. Raises `Problem` 400 that names the label."""
    labels = string_map(document, "labels", most=MOST)
    wrong = _objection(tuple(labels.items()))
    if wrong is not None:
        raise malformed(f"in 'labels', {wrong}")
    return labels


@lru_cache(maxsize=4096)
def _objection(labels: tuple[tuple[str, str], ...]) -> str | None:
    """A node says the same labels each time."""
    return objection(dict(labels))


def merge(older: Report | None, newer: Report) -> Report:
    """Both reports of one node as one. Within a boot a lower counter is dropped; another boot starts afresh."""
    if older is None:
        return newer
    if older.boot_id == newer.boot_id and newer.counter <= older.counter:
        return older
    if older.said is newer.said and (newer.signals is not None or older.signals is None):
        return newer
    # Counters only rise, so the newer ones say what the older ones did.
    signals = newer.signals if newer.signals is not None else older.signals
    return Report(newer.boot_id, newer.counter, {**older.said, **newer.said}, signals, newer.beat)


def _weight(document: Mapping[str, Any]) -> int:
    weight = number(document, "weight")
    if weight > FULL:
        raise malformed(f"'weight' must be null or a whole number from 0 to {FULL}")
    return weight


def _health(value: Any) -> tuple[str, str]:
    if not isinstance(value, dict):
        raise malformed("'health' must be an object with 'state' and, unless healthy, 'reason'")
    only(value, frozenset({"state", "reason"}), "health.")
    state = value.get("state")
    if not isinstance(state, str) or state not in HEALTH:
        raise malformed("'health.state' must be healthy, unhealthy or unknown")
    return state, text(value, "reason", REASON_LIMIT, lines=True) if "reason" in value else ""


def _refusal(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise malformed("'refusal' must be null or an object")
    only(value, _REFUSAL, "refusal.")
    digest = value.get("digest")
    return {
        "code": matching(value, "code", CODE, "an error code such as E-VER-001"),
        "message": text(value, "message", MESSAGE_LIMIT, lines=True, least=1),
        "digest": "" if digest in (None, "") else matching(value, "digest", DIGEST, "a digest or null"),
        "sequence": number(value, "sequence"),
        "at": matching(value, "at", MOMENT, "a moment in UTC such as 2026-11-23T20:00:00Z"),
    }
