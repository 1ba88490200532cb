"""Checks on WAF and auth policies that need the catalogue of rules or the table of what the proxy can do."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from reconciler.compile.objections import Objection
from reconciler.compile.support import support_problem
from reconciler.config.findings import Severity
from reconciler.config.kinds.auth_policy import METHODS
from reconciler.config.kinds.waf_policy import CATEGORIES
from reconciler.config.report import Problem
from reconciler.config.snapshot import Rendering
from reconciler.config.waf_catalogue import FAMILIES, RULES, category_of

ANSWERED = ("redirect", "static", "maintenance")
"""What a service answers by itself, before any agent is asked."""


def policy_objections(rendering: Rendering) -> Iterator[Objection]:
    """Everything that a policy asks for and cannot have, or that has no effect."""
    for resource, data in rendering.of("auth-policy"):
        for method in METHODS:
            if method in data:
                problem = support_problem(f"auth-policy.{method}", rendering.policy.proxy_version)
                if problem is not None:
                    yield Objection(resource, (method,), problem)
    yield from _service_objections(rendering)
    for resource, data in rendering.of("waf-policy"):
        for path, number, problem in _waf_doubts(data):
            yield Objection(resource, path, problem, number)


def _service_objections(rendering: Rendering) -> Iterator[Objection]:
    """Policies of services whose requests never come to an agent, or whose answers are kept for everybody."""
    middlewares = {resource.name: data for resource, data in rendering.of("middleware")}
    for resource, data in rendering.of("service"):
        if "auth" not in data and "waf" not in data:
            continue
        applied = [middlewares[item["name"]] for item in data.get("middleware", ())]
        unasked = any(name in data for name in ANSWERED) or any("redirect" in one for one in applied)
        for name in ("auth", "waf"):
            problem = support_problem(f"service.{name}.unasked", rendering.policy.proxy_version)
            if name in data and unasked and problem is not None:
                yield Objection(resource, (name,), problem, data[name])
        if "auth" in data and ("cache" in data or any("cache" in one for one in applied)):
            problem = Problem(
                "W-CMP-022",
                f"answers of '{resource.name}' are kept without regard to who asked",
                "a service without cache",
                "leave the cache out, unless every user gets the same answers",
                Severity.warning,
            )
            yield Objection(resource, ("auth",), problem, data["auth"])


def _waf_doubts(data: Mapping[str, Any]) -> Iterator[tuple[tuple[str, ...], int, Problem]]:
    off = set(data.get("without", ())) or set(CATEGORIES) - set(data.get("categories", CATEGORIES))
    for override in data.get("rule", ()):
        number, action = override["id"], override["action"]
        problem = _unknown(number)
        if problem is not None:
            yield ("rule",), number, problem
        category = category_of(number)
        if category is not None and (category in off) is (action == "disable"):
            state = "off" if category in off else "on"
            problem = Problem(
                "W-CMP-021",
                f"to {action} rule {number} has no effect: its category '{category}' is {state}",
                "a line that changes something",
                "remove this line",
                Severity.warning,
            )
            yield ("rule",), number, problem
    for exclusion in data.get("exclusion", ()):
        for number in exclusion.get("rules", ()):
            problem = _unknown(number)
            if problem is not None:
                yield ("exclusion", "rules"), number, problem


def _unknown(number: int) -> Problem | None:
    if number in RULES:
        return None
    nearest = min(RULES, key=lambda known: abs(known - number))
    near = f"the nearest in the catalogue is {nearest}: {RULES[nearest].title}"
    if category_of(number) is None:
        families = sorted(family for group in FAMILIES.values() for family in group)
        expected = "an id that begins with " + ", ".join(map(str, families))
        return Problem("E-CMP-020", f"CRS has no rule {number} for requests", expected, near)
    return Problem(
        "W-CMP-020",
        f"rule {number} is not in the catalogue; whether the CRS of the nodes has it is not known here",
        "a rule of docs/language/waf-rules.md",
        near,
        Severity.info,
    )
