"""The forms in which rows leave: JSON lines, and CEF (ArcSight's Common Event Format, version 0) for SIEMs. Pure."""

from __future__ import annotations

import json
import re

from reconciler.clock import iso_milliseconds
from reconciler.db.audit import AuditRow

SEVERITY = {"done": 3, "refused": 6}


def json_line(row: AuditRow) -> str:
    """One row as a JSON object on one line."""
    return json.dumps(
        {
            "organization": row.organization,
            "project": row.project or None,
            "number": row.number,
            "at": iso_milliseconds(row.at),
            "actor": {"kind": row.actor_kind, "name": row.actor, "address": row.address or None},
            "action": row.action,
            "subject": row.subject,
            "outcome": row.outcome,
            "details": row.details,
            "source": row.source,
            "link": row.link or None,
            "mac": row.mac or None,
        },
        ensure_ascii=False,
    )


def cef_line(row: AuditRow) -> str:
    """One row as a CEF event."""
    header = ("Sentinel", "control-plane", "1", row.action, f"{row.action} {row.outcome}")
    fields = {
        "rt": str(row.entry().at),
        "externalId": "" if row.number is None else str(row.number),
        "suser": row.actor,
        "src": row.address,
        "outcome": row.outcome,
        "act": row.action,
        "cs1Label": "organization",
        "cs1": row.organization,
        "cs2Label": "project",
        "cs2": row.project,
        "cs3Label": "subject",
        "cs3": row.subject,
        "cs4Label": "link",
        "cs4": row.link,
        "msg": json.dumps(row.details, sort_keys=True, ensure_ascii=False) if row.details else "",
    }
    shown = {
        name: value
        for name, value in fields.items()
        if value and not (name.endswith("Label") and not fields[name.removesuffix("Label")])
    }
    extension = " ".join(f"{name}={_value(value)}" for name, value in shown.items())
    return f"CEF:0|{'|'.join(_header(part) for part in header)}|{SEVERITY.get(row.outcome, 5)}|{extension}"


def _header(text: str) -> str:
    return re.sub(r"[\r\n]+", " ", text.replace("\\", "\\\\").replace("|", "\\|"))


def _value(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace("=", "\\=")
    return escaped.replace("\r", "\\r").replace("\n", "\\n")


FORMS = {"json": json_line, "cef": cef_line}
