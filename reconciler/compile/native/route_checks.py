"""Checks of what a route holds besides its matches."""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType

from reconciler.compile.native.nodes import Node
from reconciler.compile.native.scalars import described
from reconciler.compile.native.walking import Check, Walk
from reconciler.config.characters import shown

_FLOAT = re.compile(
    r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?|[+-]?(?:inf|infinity|nan)", re.IGNORECASE
)
_SECONDS = re.compile(r"\+?[0-9]{1,20}")


def check_shadow(walk: Walk, node: Node) -> None:
    """The percentage, and a header that is two strings."""
    percentage = node.child("percentage")
    if percentage is not None and percentage.string is not None and not _FLOAT.fullmatch(percentage.string):
        walk.report.add(
            "W-NAT-003",
            percentage,
            f"'percentage' is {shown(percentage.string)}, which the proxy takes for 100",
            at=percentage.first.value_at if percentage.first else None,
            expected='an integer, or a number in a string, such as "12.5"',
            hint='write percentage "12.5"',
        )
    header = node.child("sample-header")
    if header is None:
        return
    if len(header.entries) < 2:
        walk.report.add(
            "W-NAT-012",
            header,
            "'sample-header' has no value and is ignored",
            expected='sample-header "Name" "value"',
            hint="add the value",
        )
        return
    for entry in header.entries[:2]:
        if not isinstance(entry.value, str):
            walk.report.add(
                "E-NAT-006",
                header,
                f"'sample-header' holds {described(entry.value)}",
                at=entry.value_at,
                expected="two strings",
                hint="put it in quotes",
            )


def check_api_schema(walk: Walk, node: Node) -> None:
    """One source of the schema."""
    if node.string_of("schema-file") is not None and node.string_of("schema-content") is not None:
        walk.report.add(
            "E-NAT-012",
            node.child("schema-content") or node,
            "an api-schema has both schema-file and schema-content",
            expected="one of the two",
            hint="remove one of the two",
        )


def check_budget(walk: Walk, node: Node) -> None:
    """The period: a word, or seconds in a string."""
    period = node.child("period")
    if period is None or period.string is None or period.string in ("hourly", "daily", "monthly"):
        return
    if not _SECONDS.fullmatch(period.string) or int(period.string) >= 2**64:
        walk.report.add(
            "E-NAT-007",
            period,
            f"'period' is {shown(period.string)}, which the proxy refuses",
            at=period.first.value_at if period.first else None,
            expected='hourly, daily, monthly, or seconds in a string such as "3600"',
            hint='write "daily"',
        )


def check_model_routing(walk: Walk, node: Node) -> None:
    """Each model names an upstream as a property."""
    for model in node.all("model"):
        pattern = next((e for e in model.entries if e.key is None), None)
        if pattern is None or not isinstance(pattern.value, str):
            walk.report.add(
                "W-NAT-012",
                model,
                "a model without a pattern is ignored",
                expected='model "gpt-4*" upstream="…"',
                hint="write the pattern first",
            )
            continue
        upstream = model.property("upstream")
        if upstream is None or not isinstance(upstream.value, str):
            walk.report.add(
                "E-NAT-006",
                model,
                f"the model {shown(pattern.value)} has no upstream",
                expected='the property upstream="…"',
                hint='write model "…" upstream="…"',
            )
        provider = model.property("provider")
        if provider is not None and provider.value not in ("openai", "anthropic", "generic"):
            walk.report.add(
                "W-NAT-003",
                model,
                f"'provider' is {described(provider.value)}, which the proxy takes for none",
                at=provider.value_at,
                expected="openai, anthropic or generic",
                hint='write provider="openai"',
            )


ROUTE_CHECKS: Mapping[str, Check] = MappingProxyType(
    {
        "shadow": check_shadow,
        "api-schema": check_api_schema,
        "budget": check_budget,
        "model-routing": check_model_routing,
    }
)
