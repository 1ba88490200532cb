"""The kinds of batches: what happened on a node, what its proxy counted, which attacks it saw, what it runs.

What is personal or could be a secret is not taken: no headers, no bodies, no query of a request, no configuration file.
"""

from __future__ import annotations

import hashlib
import ipaddress
import json
import re
from collections.abc import Mapping
from datetime import datetime
from types import MappingProxyType
from typing import Any

from reconciler.clock import iso, parse_iso
from reconciler.db.enrolled import Reporting
from reconciler.db.models import Event
from reconciler.db.reported import RuntimeConfig, WafEvent
from reconciler.db.signals import Counters
from reconciler.fleet.signals import Signals
from web.nodes.batches import Kind, choice, list_of
from web.nodes.body import matching, string_map, text
from web.nodes.measured import SERVICE, read_signals
from web.nodes.problems import malformed
from web.nodes.reports import CONFIG_ID, MOMENT

KIND = re.compile(r"[a-z][a-z0-9.-]{0,40}")
RULE = re.compile(r"[A-Za-z0-9_.-]{1,63}")
METHOD = re.compile(r"[A-Z]{1,16}")
SEVERITIES = ("info", "warning", "error")
CATEGORIES = ("sqli", "xss", "lfi", "rfi", "rce", "scanner", "protocol", "data-leak", "custom")
ACTIONS = ("blocked", "logged", "challenged")
GRAVITIES = ("critical", "high", "medium", "low")
LONGEST_CONFIG = 512 * 1024
ROWS_AT_ONCE = 50
"""SQLite takes at most 999 variables in one statement on old builds."""

_EVENT = frozenset({"kind", "severity", "message", "at", "details"})
_ATTACK = frozenset(
    {"at", "service", "rule", "category", "action", "severity", "client", "method", "path", "agent"}
)


def _moment(document: Mapping[str, Any]) -> datetime:
    said = matching(document, "at", MOMENT, "a moment in UTC such as 2026-11-23T20:00:00Z")
    try:
        return parse_iso(said)
    except ValueError:
        raise malformed("'at' is not a moment of any calendar") from None


def _read_events(value: Any) -> list[dict[str, Any]]:
    return [
        {
            "kind": matching(item, "kind", KIND, "a word such as disk-full"),
            "severity": choice(item, "severity", SEVERITIES),
            "message": text(item, "message", 500, lines=True, least=1),
            "said_at": iso(_moment(item)),
            "details": string_map(item, "details", most=16) if "details" in item else {},
        }
        for item in list_of(value, "events", 100, _EVENT)
    ]


def _write_events(node: Reporting, items: list[dict[str, Any]], now: datetime) -> None:
    for item in items:
        Event.create(
            organization=node.organization,
            project=node.project,
            # Whatever it calls it, it is what a node told, and nothing that we found.
            kind="node.told",
            subject=node.id,
            message=f"{node.name}: {item['message']}",
            details={"environment": node.environment, "name": node.name, **item},
            at=now,
        )


def _read_attacks(value: Any) -> list[dict[str, Any]]:
    return [_attack(item) for item in list_of(value, "events", 500, _ATTACK)]


def _attack(item: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "said_at": _moment(item),
        "service": matching(item, "service", SERVICE, "the name of a service") if "service" in item else "",
        "rule": matching(item, "rule", RULE, "the id of a rule"),
        "category": choice(item, "category", CATEGORIES),
        "action": choice(item, "action", ACTIONS),
        "severity": choice(item, "severity", GRAVITIES),
        "client": _address(item),
        "method": matching(item, "method", METHOD, "a method such as GET") if "method" in item else "",
        "path": text(item, "path", 500).partition("?")[0] if "path" in item else "",
        "agent": text(item, "agent", 200) if "agent" in item else "",
    }


def _address(item: Mapping[str, Any]) -> str:
    if "client" not in item:
        return ""
    try:
        return str(ipaddress.ip_address(text(item, "client", 45)))
    except ValueError:
        raise malformed("'client' must be an IP address") from None


def _write_attacks(node: Reporting, items: list[dict[str, Any]], now: datetime) -> None:
    whose = {
        "organization": node.organization,
        "project": node.project,
        "environment": node.environment,
        "node": node.id,
        "at": now,
    }
    for start in range(0, len(items), ROWS_AT_ONCE):
        WafEvent.insert_many([{**item, **whose} for item in items[start : start + ROWS_AT_ONCE]]).execute()


def _read_counters(value: Any) -> list[Signals]:
    return [read_signals(value)]


def _write_counters(node: Reporting, items: list[Signals], now: datetime) -> None:
    counters = Counters([node.id])
    for signals in items:
        counters.add(node, signals, node.running, now=now)
    counters.write(now=now)


def _read_config(value: Any) -> list[dict[str, Any]]:
    if not isinstance(value, dict):
        raise malformed("'config' must be an object with 'config_id' and 'document'")
    document = value.get("document")
    if set(value) != {"config_id", "document"} or not isinstance(document, dict):
        raise malformed("'config' must be an object with 'config_id' and 'document'")
    config_id = value["config_id"]
    if config_id is not None:
        config_id = matching(value, "config_id", CONFIG_ID, "null or 16 hex digits")
    written = json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    if not written.isprintable():
        raise malformed("'config.document' holds control characters")
    return [
        {
            "config_id": config_id or "",
            "sha256": hashlib.sha256(written.encode()).hexdigest(),
            "document": document,
        }
    ]


def _write_config(node: Reporting, items: list[dict[str, Any]], now: datetime) -> None:
    for item in items:
        row = {**item, "organization": node.organization, "project": node.project, "reported_at": now}
        known = RuntimeConfig.get_or_none(RuntimeConfig.node == node.id)
        if known is not None and known.sha256 == item["sha256"]:
            continue
        RuntimeConfig.insert(node=node.id, **row).on_conflict(
            conflict_target=[RuntimeConfig.node],
            update={getattr(RuntimeConfig, name): found for name, found in row.items()},
        ).execute()


KINDS: Mapping[str, Kind] = MappingProxyType(
    {
        kind.name: kind
        for kind in (
            Kind("events", "events", 100, 1_000, 128 * 1024, _read_events, _write_events),
            Kind("metrics", "signals", 1, 720, 64 * 1024, _read_counters, _write_counters),
            Kind("waf-events", "events", 500, 20_000, 512 * 1024, _read_attacks, _write_attacks),
            Kind("config", "config", 1, 60, LONGEST_CONFIG, _read_config, _write_config, 20_000, 16),
        )
    }
)
