"""Findings as workflow commands, which GitHub shows as annotations beside the lines of a pull request.

Source: GitHub's documentation, "Workflow commands for GitHub Actions", and `actions/toolkit`, `command.ts`: in a
message `%`, carriage return and newline are escaped; in a property `:` and `,` as well.
"""

from __future__ import annotations

from reconciler.config.findings import Finding, Severity
from reconciler.config.sarif import sentence

COMMANDS = {Severity.error: "error", Severity.warning: "warning", Severity.info: "notice"}


def annotation(finding: Finding, *, prefix: str = "") -> str:
    """One line. `prefix` is the folder of the findings' paths, from the root of the repository, with `/`."""
    properties = [("title", finding.code)]
    if finding.place is not None:
        place = finding.place
        where = [("file", prefix + place.path), ("line", str(place.line)), ("col", str(place.column))]
        properties = [*where, *properties]
    told = ",".join(f"{key}={_property(value)}" for key, value in properties)
    return f"::{COMMANDS[finding.severity]} {told}::{_data(sentence(finding))}"


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
