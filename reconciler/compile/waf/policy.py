"""A WAF policy as the rule file of its agent: settings, limits, exclusions, the CRS of the node, rules left out.

The order is SecLang's: what CRS reads and what leaves rules out for some requests comes before CRS, what removes
rules for all requests comes behind it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from reconciler.compile.waf.seclang import action, comment, directive, literal_regex, rule
from reconciler.config.kinds.waf_policy import CATEGORIES, SENSITIVITY
from reconciler.config.sizes import size_in_bytes
from reconciler.config.waf_catalogue import FAMILIES, RULES, category_of

SETUP_VERSION = 4290
"""CRS refuses to run without the version of the settings that it finds."""

_FIRST_SETTING = 10_001
_FIRST_LIMIT = 10_101
_FIRST_EXCLUSION = 11_001
"""Ids of the rules written here. Those below 100,000 are for local use and never CRS's."""

_RULES_OF_EXCLUSION = 10
"""Ids that are set apart for each exclusion; at most five are used."""

_ENGINE = {"block": "On", "detect": "DetectionOnly"}


def inspects(data: Mapping[str, Any]) -> bool:
    """Whether the policy looks at requests at all."""
    return bool(data["mode"] in _ENGINE)


def rule_file(name: str, data: Mapping[str, Any]) -> bytes:
    """The agent's `.conf` for a policy that inspects, with its defaults filled in. UTF-8, in fact ASCII."""
    parts = [
        comment(f"WAF policy {name}. Made by the Sentinel control plane; changes here are lost."),
        comment("The rules are those of the OWASP CRS 4 on this node, licensed under Apache-2.0."),
        directive("SecRuleEngine", _ENGINE[data["mode"]]),
        directive("SecRequestBodyAccess", "On" if data["inspect-body"] else "Off"),
        directive("SecResponseBodyAccess", "Off"),
        *(f'SecDefaultAction "phase:{phase},log,auditlog,pass"\n' for phase in (1, 2)),
        action(_settings(data)),
        *_limits(data.get("limits", {})),
        *_exclusions(data.get("exclusion", ())),
        directive("Include", f"{data['crs-folder']}/rules/*.conf"),
        *_removals(data),
    ]
    return "".join(parts).encode("ascii")


def levels(data: Mapping[str, Any]) -> tuple[int, int]:
    """(paranoia level, anomaly threshold) that hold for a policy."""
    paranoia, threshold = SENSITIVITY[data["sensitivity"]]
    return data.get("paranoia", paranoia), data.get("anomaly-threshold", threshold)


def _settings(data: Mapping[str, Any]) -> Iterator[str]:
    paranoia, threshold = levels(data)
    yield from (f"id:{_FIRST_SETTING}", "phase:1", "pass", "t:none", "nolog")
    yield f"setvar:tx.crs_setup_version={SETUP_VERSION}"
    yield f"setvar:tx.blocking_paranoia_level={paranoia}"
    yield f"setvar:tx.detection_paranoia_level={paranoia}"
    yield f"setvar:tx.inbound_anomaly_score_threshold={threshold}"
    if data.get("methods"):
        yield f"setvar:'tx.allowed_methods={' '.join(data['methods'])}'"
    if data.get("content-types"):
        types = " ".join(f"|{one}|" for one in data["content-types"])
        yield f"setvar:'tx.allowed_request_content_type={types}'"


def _limits(limits: Mapping[str, Any]) -> Iterator[str]:
    """Refusals of their own, beside the score. The message names the limit and nothing of the request."""
    table = (
        (
            "body",
            "REQUEST_HEADERS:Content-Length",
            "",
            413,
            "The body is longer than the policy allows",
        ),
        ("header", "REQUEST_HEADERS", "t:length", 431, "A header is longer than the policy allows"),
        ("headers", "&REQUEST_HEADERS", "", 431, "There are more headers than the policy allows"),
        ("uri", "REQUEST_URI", "t:length", 414, "The URI is longer than the policy allows"),
    )
    for number, (name, variable, transformation, status, message) in enumerate(table, _FIRST_LIMIT):
        if name in limits:
            actions = [f"id:{number}", "phase:1", "deny", f"status:{status}", "log", "t:none"]
            if transformation:
                actions.append(transformation)
            actions.append(f"msg:'{message}'")
            largest = limits[name] if name == "headers" else size_in_bytes(limits[name])
            yield rule(variable, "gt", str(largest), actions)


def _exclusions(exclusions: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    """Each scope is counted part by part in a variable; when all parts held, the rules are left out.

    Counting does what a chain would, and both engines count in the same way.
    """
    for index, exclusion in enumerate(exclusions):
        first = _FIRST_EXCLUSION + index * _RULES_OF_EXCLUSION
        counter = f"tx.sentinel_exclusion_{index + 1}"
        conditions = list(_conditions(exclusion))
        yield comment(f"Exclusion {exclusion['name']}: {exclusion['note']}")
        yield action(
            (f"id:{first}", "phase:1", "pass", "t:none", "nolog", f"setvar:{counter}=0"),
        )
        for number, (variable, operator, argument, transformation) in enumerate(conditions, first + 1):
            actions = [f"id:{number}", "phase:1", "pass", "t:none", *transformation, "nolog"]
            yield rule(variable, operator, argument, [*actions, f"setvar:{counter}=+1"])
        parameter = exclusion.get("parameter")
        controls = [
            f"ctl:ruleRemoveTargetById={one};ARGS:{parameter}" if parameter else f"ctl:ruleRemoveById={one}"
            for one in exclusion["rules"]
        ]
        last = [f"id:{first + _RULES_OF_EXCLUSION - 1}", "phase:1", "pass", "t:none", "nolog", *controls]
        yield rule(f"TX:{counter.removeprefix('tx.')}", "eq", str(len(conditions)), last)


def _conditions(exclusion: Mapping[str, Any]) -> Iterator[tuple[str, str, str, tuple[str, ...]]]:
    """(variable, operator, argument, transformations) for each part of a scope but the parameter."""
    if "host" in exclusion:
        host = exclusion["host"]
        if host.startswith("*."):
            yield "REQUEST_HEADERS:Host", "rx", f"[.]{literal_regex(host[2:])}(?::[0-9]+)?$", ("t:lowercase",)
        else:
            yield "REQUEST_HEADERS:Host", "rx", f"^{literal_regex(host)}(?::[0-9]+)?$", ("t:lowercase",)
    for part, end in (("path", "$"), ("path-prefix", "(?:/|$)")):
        if part in exclusion:
            path = exclusion[part].rstrip("/") if part == "path-prefix" else exclusion[part]
            # What an application makes of /editor/../admin decides, so that no spelling of a path widens the scope.
            decoded = () if "%" in path else ("t:urlDecodeUni",)
            yield "REQUEST_FILENAME", "rx", f"^{literal_regex(path)}{end}", (*decoded, "t:normalizePath")


def _removals(data: Mapping[str, Any]) -> Iterator[str]:
    overrides = {one["id"]: one for one in data.get("rule", ())}
    off = set(data.get("without", ())) or set(CATEGORIES) - set(data.get("categories", CATEGORIES))
    for category in CATEGORIES:
        if category not in off:
            continue
        kept = sorted(number for number, one in overrides.items() if one["action"] == "enable")
        yield comment(f"Category {category} is off.")
        for family in FAMILIES[category]:
            for first, last in _without(family * 1000, family * 1000 + 999, kept):
                yield directive("SecRuleRemoveById", f"{first}-{last}")
    for number, override in sorted(overrides.items()):
        title = RULES[number].title if number in RULES else "not in the catalogue"
        if override["action"] == "enable":
            yield comment(f"{number} ({title}) is on: {override['note']}")
        elif category_of(number) not in off:
            yield comment(f"{number} ({title}) is off: {override['note']}")
            yield directive("SecRuleRemoveById", str(number))


def _without(first: int, last: int, kept: Iterable[int]) -> Iterator[tuple[int, int]]:
    """The ranges from `first` to `last` that leave out the numbers in `kept`, which are sorted."""
    for number in kept:
        if first <= number <= last:
            if first < number:
                yield first, number - 1
            first = number + 1
    if first <= last:
        yield first, last
