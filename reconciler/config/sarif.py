"""Findings as SARIF 2.1.0, which code scanning of forges and editors reads.

Source: OASIS "Static Analysis Results Interchange Format (SARIF) Version 2.1.0", sections 3.13 to 3.52.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any
from urllib.parse import quote

from reconciler.config.characters import escaped
from reconciler.config.codes import CODES
from reconciler.config.findings import Finding, Severity

SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
LEVELS = {Severity.error: "error", Severity.warning: "warning", Severity.info: "note"}


def sarif(findings: Iterable[Finding], *, version: str, prefix: str = "") -> dict[str, Any]:
    """A log with one run. `prefix` is the folder of the findings' paths, from the root of the repository, with `/`.

    A finding without a place has no location: it is about the whole tree.
    """
    listed = list(findings)
    codes = sorted({finding.code for finding in listed})
    numbers = {code: number for number, code in enumerate(codes)}
    return {
        "$schema": SCHEMA,
        "version": "2.1.0",
        "runs": [
            {
                "tool": {
                    "driver": {
                        "name": "sentinelctl",
                        "version": version,
                        "rules": [_rule(code) for code in codes],
                    }
                },
                "columnKind": "unicodeCodePoints",
                "results": [_result(finding, numbers, prefix) for finding in listed],
            }
        ],
    }


def _rule(code: str) -> dict[str, Any]:
    known = CODES.get(code)
    if known is None:
        return {"id": code}
    return {
        "id": code,
        "name": known.title,
        "shortDescription": {"text": known.title},
        "fullDescription": {"text": known.meaning},
        "help": {"text": known.cure},
    }


def _result(finding: Finding, numbers: dict[str, int], prefix: str) -> dict[str, Any]:
    result: dict[str, Any] = {
        "ruleId": finding.code,
        "ruleIndex": numbers[finding.code],
        "level": LEVELS[finding.severity],
        "message": {"text": sentence(finding)},
    }
    if finding.place is not None:
        region = {"startLine": finding.place.line, "startColumn": finding.place.column}
        uri = quote(prefix + finding.place.path)
        result["locations"] = [{"physicalLocation": {"artifactLocation": {"uri": uri}, "region": region}}]
    return result


def sentence(finding: Finding) -> str:
    """Message, what was expected and the hint, in one line without characters that cannot be seen."""
    parts = [finding.message]
    if finding.expected:
        parts.append(f"expected: {finding.expected}")
    if finding.hint:
        parts.append(f"hint: {finding.hint}")
    return escaped("; ".join(parts))
