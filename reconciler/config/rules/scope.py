"""Whether what rules name can be there at all: kinds and their fields. A rule about nothing never finds."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

from reconciler.config.characters import shown
from reconciler.config.kinds import KINDS
from reconciler.config.leaves import paths
from reconciler.config.report import Problem, Report
from reconciler.config.resources import Resource
from reconciler.config.suggest import did_you_mean


@cache
def fields_of(kind: str) -> frozenset[str]:
    """The dotted paths that a rule may name for a kind."""
    return frozenset({"name", *(".".join(path) for path in paths(KINDS[kind].field))})


def check_scopes(resources: Mapping[tuple[str, str], Resource], report: Report) -> frozenset[str]:
    """Note kinds that do not exist, and fields that no kind, or not every named one, has.

    Gives the names of the rules concerned.
    """
    wrong: set[str] = set()
    for rule in resources.values():
        if rule.kind.name != "validation-rule" or (rule.origin and rule.origin.broken):
            continue
        data = rule.effective("")
        complaints = list(_complaints(data))
        for path, value, problem in complaints:
            report.add(rule.mark(path, value=value), problem)
        if complaints:
            wrong.add(rule.name)
    return frozenset(wrong)


def _complaints(data: Mapping[str, Any]) -> Iterator[tuple[tuple[str, ...], str, Problem]]:
    """(field, value, problem) of whatever a rule names that there is not."""
    for kind in data.get("kinds", ()):
        if kind not in KINDS:
            hint = did_you_mean(kind, KINDS) or "sentinelctl explain lists the kinds"
            yield (
                ("kinds",),
                kind,
                Problem("E-RUL-009", f"there is no kind {shown(kind)}", "a kind of resource", hint),
            )
    kinds = [kind for kind in data.get("kinds", ()) if kind in KINDS]
    if "kinds" in data and not kinds:
        return
    named = [("require", field, field) for field in data.get("require", ())]
    for verb in ("forbid", "allow"):
        named += [(verb, item["field"], item["pattern"]) for item in data.get(verb, ()) if "field" in item]
    for verb, field, value in named:
        problem = _unknown(field, kinds)
        if problem is not None:
            yield (verb,), value, problem


def _unknown(field: str, kinds: list[str]) -> Problem | None:
    """The problem of a field that a named kind lacks; with no kinds named, that every kind lacks."""
    lacking = [kind for kind in kinds or KINDS if field not in fields_of(kind)]
    if not lacking or (not kinds and len(lacking) < len(KINDS)):
        return None
    who = f"'{lacking[0]}' has" if kinds else "no kind has"
    known = fields_of(lacking[0]) if kinds else frozenset().union(*map(fields_of, KINDS))
    verb = "no" if kinds else "a"
    hint = did_you_mean(field, known) or f"run: sentinelctl explain {lacking[0]}"
    return Problem("E-RUL-009", f"{who} {verb} field '{field}'", "a field of the kinds in scope", hint)
