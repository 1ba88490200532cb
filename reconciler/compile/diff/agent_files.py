"""What the files of agents mean, as far as it is known: JSON of auth agents, SecLang of WAF agents."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator
from typing import Any

from reconciler.compile.diff.meaning import Fact, Facts

_PLACE = re.compile(r"agents/[^/]+/(auth|waf)/([^/]+)\.(?:json|conf)")
_SETVAR = re.compile(r"setvar:tx\.([a-z_]+)=([0-9]+)")
_SETUP = "setvar:tx.blocking_paranoia_level="
_ONE_VALUE = re.compile(r"(Sec[A-Za-z]+) ([A-Za-z0-9_.-]+)")
REMOVED = "SecRuleRemoveById"


def place_of(path: str) -> tuple[str, str] | None:
    """What the agent of a file is for, auth or waf, and the agent's name; None for other files."""
    found = _PLACE.fullmatch(path)
    return (found[1], f"sentinel-{found[1]}-{found[2]}") if found else None


def file_facts(path: str, content: bytes) -> Facts:
    """The facts of a file. Of one that is not understood there is a single fact, its digest."""
    place = place_of(path)
    try:
        if place is not None and place[0] == "auth":
            return dict(_flat(json.loads(content), ""))
        if place is not None:
            return _seclang(content.decode())
    except ValueError:
        pass
    return {"content": f"sha256:{hashlib.sha256(content).hexdigest()}"}


def _flat(value: Any, path: str) -> Iterator[tuple[str, Fact]]:
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _flat(inner, f"{path}.{key}" if path else str(key))
    elif isinstance(value, list):
        if value:
            texts = [item if isinstance(item, str) else json.dumps(item, sort_keys=True) for item in value]
            yield path, tuple(sorted(texts))
    elif value is not None:
        yield path, value


def _seclang(text: str) -> Facts:
    """Directives with one value, the variables of the set-up, rules that are off, and all other lines in order.

    Source: the reference manual of ModSecurity 3, "Configuration Directives".
    """
    facts: Facts = {}
    off: set[str] = set()
    others: list[str] = []
    for line in text.splitlines():
        line = line.strip()
        one = _ONE_VALUE.fullmatch(line)
        if not line or line.startswith("#"):
            continue
        if line.startswith(f"{REMOVED} "):
            off.update(line.split()[1:])
        elif one is not None:
            facts[one[1]] = int(one[2]) if one[2].isdigit() else one[2]
        elif _SETUP in line:
            facts.update({f"tx.{name}": int(number) for name, number in _SETVAR.findall(line)})
        else:
            others.append(line)
    if off:
        facts[REMOVED] = tuple(sorted(off))
    if others:
        facts["rules"] = tuple(others)
    return facts
