"""Whether what rules name can be there at all: kinds and their fields. A rule about nothing never finds."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

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


def check_scopes(resources: Mapping[tuple[str, str], Resource], report: Report) -> None:
    """Note kinds that do not exist, and fields that no kind, or not every named one, has."""
    for rule in resources.values():
        if rule.kind.name != "validation-rule" or (rule.origin and rule.origin.broken):
            continue
        data = rule.effective("")
        for kind in data.get("kinds", ()):
            if kind not in KINDS:
                hint = did_you_mean(kind, KINDS) or "sentinelctl explain lists the kinds"
                problem = Problem("E-RUL-009", f"there is no kind {shown(kind)}", "a kind of resource", hint)
                report.add(rule.mark(("kinds",), value=kind), problem)
        kinds = [kind for kind in data.get("kinds", ()) if kind in KINDS]
        if "kinds" in data and not kinds:
            continue
        for field in data.get("require", ()):
            problem_of = _unknown(field, kinds)
            if problem_of is not None:
                report.add(rule.mark(("require",), value=field), problem_of)
        for verb in ("forbid", "allow"):
            for item in data.get(verb, ()):
                problem_of = _unknown(item["field"], kinds) if "field" in item else None
                if problem_of is not None:
                    report.add(rule.mark((verb,), value=item["pattern"]), problem_of)


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
