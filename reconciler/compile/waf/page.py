"""The page of the catalogue, made from it."""

from __future__ import annotations

from reconciler.config.kinds.waf_policy import CATEGORIES
from reconciler.config.waf_catalogue import COPYRIGHT, FAMILIES, HOME, LICENCE, RULES, VERSION, Rule


def render_waf_rules() -> dict[str, str]:
    """Path below the repository's root → text."""
    return {"docs/language/waf-rules.md": _page()}


def _page() -> str:
    rows = "\n".join(_row(rule) for rule in RULES.values())
    families = "\n".join(
        f"| {name} | {', '.join(f'{family}000 to {family}999' for family in FAMILIES[name])} |"
        for name in CATEGORIES
    )
    return f"""# WAF rules

This page is generated from `reconciler/config/waf_catalogue.py`: the rules that a [waf-policy](waf-policy.md) knows by
name, {len(RULES)} of the OWASP CRS (Core Rule Set) {VERSION}. Ids, titles and severities are those of CRS, what a rule
finds is told in our words. The agent runs all rules of the CRS that is installed on the node, up to the policy's
paranoia level, in the categories that are on; this is the choice that reviewers meet most.

| category | ids in CRS |
|---|---|
{families}

A rule that matches adds to the request's score: critical 5, error 4, warning 3, notice 2. From the policy's
threshold on the request is refused.

| id | category | severity | paranoia | title in CRS | what it finds |
|---|---|---|---|---|---|
{rows}

## Notice

CRS: {COPYRIGHT}. Licence: {LICENCE}. <{HOME}>. It is neither part of this program nor of a bundle; the bill
of materials of a bundle names it where a WAF policy is in use. Nothing here is endorsed by the CRS project.
"""


def _row(rule: Rule) -> str:
    title = rule.title.replace("|", "\\|")
    return f"| {rule.id} | {rule.category} | {rule.severity} | {rule.paranoia} | {title} | {rule.meaning} |"
