"""Findings as SARIF and as GitHub's annotations."""

from __future__ import annotations

import re

import jsonschema
import pytest

from reconciler.config.annotations import annotation
from reconciler.config.findings import Finding, Place, Severity
from reconciler.config.sarif import LEVELS, sarif
from tests.unit.config.trees import read

FINDING = Finding("E-REF-001", Severity.error, Place("a b/ü.kdl", 3, 7), "no such thing", "a name", "add it")

# The parts of the SARIF 2.1.0 schema that this output uses, with the bounds that the standard gives them.
ESSENTIAL = {
    "type": "object",
    "required": ["$schema", "version", "runs"],
    "additionalProperties": False,
    "properties": {
        "$schema": {"type": "string", "format": "uri"},
        "version": {"const": "2.1.0"},
        "runs": {
            "type": "array",
            "minItems": 1,
            "items": {
                "type": "object",
                "required": ["tool", "results"],
                "additionalProperties": False,
                "properties": {
                    "columnKind": {"enum": ["utf16CodeUnits", "unicodeCodePoints"]},
                    "tool": {
                        "type": "object",
                        "required": ["driver"],
                        "additionalProperties": False,
                        "properties": {
                            "driver": {
                                "type": "object",
                                "required": ["name"],
                                "additionalProperties": False,
                                "properties": {
                                    "name": {"type": "string", "minLength": 1},
                                    "version": {"type": "string"},
                                    "rules": {
                                        "type": "array",
                                        "uniqueItems": True,
                                        "items": {
                                            "type": "object",
                                            "required": ["id"],
                                            "additionalProperties": False,
                                            "properties": {
                                                "id": {"type": "string"},
                                                "name": {"type": "string"},
                                                "shortDescription": {"$ref": "#/$defs/message"},
                                                "fullDescription": {"$ref": "#/$defs/message"},
                                                "help": {"$ref": "#/$defs/message"},
                                            },
                                        },
                                    },
                                },
                            }
                        },
                    },
                    "results": {
                        "type": "array",
                        "items": {
                            "type": "object",
                            "required": ["message", "ruleId", "ruleIndex", "level"],
                            "additionalProperties": False,
                            "properties": {
                                "ruleId": {"type": "string"},
                                "ruleIndex": {"type": "integer", "minimum": 0},
                                "level": {"enum": ["none", "note", "warning", "error"]},
                                "message": {"$ref": "#/$defs/message"},
                                "locations": {
                                    "type": "array",
                                    "minItems": 1,
                                    "items": {
                                        "type": "object",
                                        "required": ["physicalLocation"],
                                        "properties": {
                                            "physicalLocation": {
                                                "type": "object",
                                                "required": ["artifactLocation", "region"],
                                                "properties": {
                                                    "artifactLocation": {
                                                        "properties": {
                                                            "uri": {
                                                                "type": "string",
                                                                "pattern": "^[A-Za-z0-9._~/%-]+$",
                                                            }
                                                        }
                                                    },
                                                    "region": {
                                                        "properties": {
                                                            "startLine": {"type": "integer", "minimum": 1},
                                                            "startColumn": {"type": "integer", "minimum": 1},
                                                        }
                                                    },
                                                },
                                            }
                                        },
                                    },
                                },
                            },
                        },
                    },
                },
            },
        },
    },
    "$defs": {
        "message": {
            "type": "object",
            "required": ["text"],
            "additionalProperties": False,
            "properties": {"text": {"type": "string", "minLength": 1}},
        }
    },
}


@pytest.mark.parametrize(
    "findings",
    [
        pytest.param((), id="nothing"),
        pytest.param((FINDING,), id="one"),
        pytest.param(read('service "x" {\n  upstrem "y"\n}\n', 'thing "z"\n')[1], id="of a real tree"),
        pytest.param((Finding("E-TRE-001", Severity.error, None, "empty"),), id="without a place"),
        pytest.param((Finding("E-XYZ-999", Severity.info, None, "of another part"),), id="an unknown code"),
    ],
)
def test_sarif_has_the_essential_structure(findings: tuple[Finding, ...]) -> None:
    log = sarif(findings, version="1.2.3")
    jsonschema.validate(log, ESSENTIAL)
    run = log["runs"][0]
    assert len(run["results"]) == len(findings)
    rules = run["tool"]["driver"]["rules"]
    for result, finding in zip(run["results"], findings, strict=True):
        assert rules[result["ruleIndex"]]["id"] == result["ruleId"] == finding.code
        assert result["level"] == LEVELS[finding.severity]
        assert ("locations" in result) is (finding.place is not None)


def test_sarif_says_where_from_the_root_of_the_repository() -> None:
    location = sarif([FINDING], version="1", prefix="shop/")["runs"][0]["results"][0]["locations"][0]
    assert location["physicalLocation"]["artifactLocation"]["uri"] == "shop/a%20b/%C3%BC.kdl"
    assert location["physicalLocation"]["region"] == {"startLine": 3, "startColumn": 7}


def test_a_sentence_has_message_expectation_and_hint() -> None:
    text = sarif([FINDING], version="1")["runs"][0]["results"][0]["message"]["text"]
    assert text == "no such thing; expected: a name; hint: add it"


@pytest.mark.parametrize(
    ("finding", "line"),
    [
        (
            FINDING,
            "::error file=a b/ü.kdl,line=3,col=7,title=E-REF-001::no such thing; expected: a name; hint: add it",
        ),
        (
            Finding("W-CMP-001", Severity.warning, Place("a,b:c%.kdl", 1, 2), "100 % ::error::"),
            "::warning file=a%2Cb%3Ac%25.kdl,line=1,col=2,title=W-CMP-001::100 %25 ::error::",
        ),
        (
            Finding("E-TRE-004", Severity.info, None, "one\r\n::error::two"),
            "::notice title=E-TRE-004::one\\u{d}\\u{a}::error::two",
        ),
    ],
)
def test_an_annotation(finding: Finding, line: str) -> None:
    assert annotation(finding) == line


def test_nothing_in_a_finding_can_begin_another_command() -> None:
    hostile = "x\n::error::y\r::stop-commands::z\u2028"
    finding = Finding("E-A-1\n::", Severity.error, Place(hostile, 1, 1), hostile, hostile, hostile)
    assert re.search(r"[\r\n]", annotation(finding)) is None
    assert annotation(finding, prefix="shop/").startswith("::error file=shop/x")
