"""WAF policies with what they leave out, and the catalogue of rules with the policies that ask each. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from reconciler.config.waf_catalogue import RULES, Rule
from reconciler.outline.graph import Vertex
from reconciler.outline.outline import Outline, WafPolicy


@dataclass(frozen=True, slots=True)
class Shown:
    """One policy. `asked` is how many rules of the catalogue it asks, `users` what names it."""

    policy: WafPolicy
    asked: int
    users: tuple[Vertex, ...]


@dataclass(frozen=True, slots=True)
class Entry:
    """One rule of the catalogue, and the names of the policies that ask it."""

    rule: Rule
    policies: tuple[str, ...]


def policies(outline: Outline) -> Iterator[Shown]:
    """The policies of an environment, by name."""
    for policy in outline.waf:
        vertex = Vertex("waf-policy", policy.name)
        users = tuple(edge.start for edge in outline.graph.edges if edge.end == vertex)
        asked = sum(asks(policy, rule) for rule in RULES.values())
        yield Shown(policy, asked, users)


def catalogue(known: Sequence[WafPolicy], category: str | None, search: str | None) -> list[Entry]:
    """The rules of a category, whose id begins with the search or whose words hold it."""
    wanted = (search or "").lower()
    return [
        Entry(rule, tuple(policy.name for policy in known if asks(policy, rule)))
        for rule in RULES.values()
        if category in (None, rule.category)
        and (
            not wanted
            or str(rule.id).startswith(wanted)
            or wanted in rule.title.lower()
            or wanted in rule.meaning.lower()
        )
    ]


def asks(policy: WafPolicy, rule: Rule) -> bool:
    """Whether a policy asks a rule of requests that no exclusion is for."""
    if policy.mode == "off" or rule.paranoia > policy.paranoia:
        return False
    single = {number: action for number, action, _ in policy.rules}.get(rule.id)
    return single != "disable" and (rule.category not in policy.off or single == "enable")
