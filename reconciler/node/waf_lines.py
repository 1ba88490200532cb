"""Reads a line of a WAF agent's log as attacks in the form of the node API. Nothing here touches a file.

Two forms are known: an object a line with a rule's id in it, under the names that such agents use, and ModSecurity's
JSON audit log, where one transaction has several messages. Of a request the method and the path without its query are
taken, never a header but the user agent's name, never a body.
"""

from __future__ import annotations

import ipaddress
import json
import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from reconciler.clock import iso, parse_iso

RULE = re.compile(r"[A-Za-z0-9_.-]{1,63}")
SERVICE = re.compile(r"[A-Za-z0-9_.-]{1,63}")
METHOD = re.compile(r"[A-Z]{1,16}")

CATEGORIES = {
    "913": "scanner", "920": "protocol", "921": "protocol", "930": "lfi", "931": "rfi", "932": "rce", "933": "rce",
    "934": "rce", "941": "xss", "942": "sqli", "944": "rce", "950": "data-leak", "951": "data-leak", "952": "data-leak",
    "953": "data-leak", "954": "data-leak", "955": "data-leak",
}  # fmt: skip
"""By the first three digits of a rule of the OWASP Core Rule Set; all others are `custom`."""

ACTIONS = {
    "block": "blocked", "blocked": "blocked", "deny": "blocked", "denied": "blocked", "drop": "blocked",
    "challenge": "challenged", "challenged": "challenged",
}  # fmt: skip
"""Everything else was only logged."""

SEVERITIES = {
    "critical": "critical", "emergency": "critical", "alert": "critical",
    "0": "critical", "1": "critical", "2": "critical",
    "high": "high", "error": "high", "3": "high", "low": "low", "notice": "low", "info": "low", "5": "low", "6": "low",
}  # fmt: skip
"""Words and numbers of ModSecurity; what is not here is `medium`, as its `warning` is."""


def read_line(line: bytes, *, now: datetime) -> list[dict[str, str]]:
    """The attacks of a line, empty when it tells of none. `now` stands for a time that cannot be read."""
    try:
        document = json.loads(line)
    except (ValueError, RecursionError):
        return []
    if not isinstance(document, dict):
        return []
    found = _transaction(document) if isinstance(document.get("transaction"), dict) else iter([document])
    attacks = (_attack(one, now) for one in found)
    return [attack for attack in attacks if attack is not None]


def _transaction(document: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """The messages of one transaction of ModSecurity's, each as an object of the other form."""
    transaction = document["transaction"]
    request, response, producer = (_part(transaction, name) for name in ("request", "response", "producer"))
    # The engine says no more about what became of the request than the status that it answered with.
    stopped = producer.get("secrules_engine") == "Enabled" and response.get("http_code") == 403
    headers = {str(name).lower(): value for name, value in _part(request, "headers").items()}
    messages = transaction.get("messages")
    for message in messages if isinstance(messages, list) else ():
        details = message.get("details") if isinstance(message, dict) else None
        if isinstance(details, dict):
            yield {
                "at": transaction.get("time_stamp"),
                "rule": details.get("ruleId"),
                "severity": details.get("severity"),
                "action": "blocked" if stopped else "logged",
                "client": transaction.get("client_ip"),
                "method": request.get("method"),
                "path": request.get("uri"),
                "agent": headers.get("user-agent"),
            }


def _part(document: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = document.get(name)
    return found if isinstance(found, dict) else {}


def _attack(document: Mapping[str, Any], now: datetime) -> dict[str, str] | None:
    rule = _text(document, "rule", "rule_id", "ruleId", "id")
    if not RULE.fullmatch(rule):
        return None
    attack = {
        "at": iso(_moment(_first(document, "at", "timestamp", "time", "ts"), now)),
        "rule": rule,
        "category": _category(_text(document, "category"), rule),
        "action": ACTIONS.get(_text(document, "action", "decision").lower(), "logged"),
        "severity": SEVERITIES.get(_text(document, "severity", "level").lower(), "medium"),
    }
    service = _text(document, "service", "route", "route_id").partition(".")[0]
    method = _text(document, "method").upper()
    path = _printable(_text(document, "path", "uri", "url").partition("?")[0], 500)
    agent = _printable(_text(document, "agent", "user_agent"), 200)
    further = {
        "service": service if SERVICE.fullmatch(service) else "",
        "client": _address(_text(document, "client", "client_ip", "remote_addr")),
        "method": method if METHOD.fullmatch(method) else "",
        "path": path,
        "agent": agent,
    }
    return attack | {name: value for name, value in further.items() if value}


def _first(document: Mapping[str, Any], *names: str) -> Any:
    return next((document[name] for name in names if document.get(name) is not None), None)


def _text(document: Mapping[str, Any], *names: str) -> str:
    value = _first(document, *names)
    if isinstance(value, bool) or not isinstance(value, str | int):
        return ""
    return str(value).strip()


def _category(word: str, rule: str) -> str:
    word = word.lower()
    return word if word in {*CATEGORIES.values(), "custom"} else CATEGORIES.get(rule[:3], "custom")


def _address(text: str) -> str:
    try:
        return str(ipaddress.ip_address(text))
    except ValueError:
        return ""


def _moment(value: Any, now: datetime) -> datetime:
    """RFC 3339, seconds or milliseconds since 1970, or the form of ModSecurity, which is the machine's own time."""
    try:
        if isinstance(value, int | float) and not isinstance(value, bool):
            return datetime.fromtimestamp(value / 1000 if value > 1e11 else value, UTC)
        if isinstance(value, str):
            if value[:1].isdigit():
                return parse_iso(value)
            return datetime.strptime(value, "%a %b %d %H:%M:%S %Y").astimezone(UTC)
    except (ValueError, OverflowError, OSError):
        return now
    return now


def _printable(text: str, limit: int) -> str:
    return "".join(c if c.isprintable() and not 0xD800 <= ord(c) <= 0xDFFF else " " for c in text)[:limit]
