"""The kind `secret`: a name, and its value sealed for each environment."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from reconciler.config.calendar import DATE
from reconciler.config.credentials import Sealed
from reconciler.config.durations import Duration
from reconciler.config.report import Problem
from reconciler.config.schema import Complaint, Field, Slot, kind, scalar
from reconciler.config.values import Integer, Reference, Text

LARGEST_VERSION = 1_000_000


def _check(data: Mapping[str, Any]) -> tuple[Complaint, ...]:
    undated = [item for item in data.get("sealed", ()) if "rotated" not in item]
    if "rotate-every" not in data or not undated:
        return ()
    problem = Problem(
        "E-KND-005",
        f"the value for {undated[0]['environment']} lacks rotated=, so its age is not known",
        'rotated="2026-12-25", the day on which the value was made',
        "add it, or remove rotate-every",
    )
    return (Complaint(("sealed",), problem, undated[0]["environment"]),)


KIND = kind(
    "secret",
    'Something that must not be read in a repository. Other resources name it by "${secret:NAME}" or by its name. Its '
    "value is sealed for an environment's public key before it is committed, and opened on that environment's nodes. "
    "Whoever names it needs a value in each environment in which it is named. `sentinelctl secret set` writes the "
    "values; docs/secrets.md says who can open what.",
    (
        scalar(
            "description", Text(), "What it opens and who can renew it.", 'description "Slack, #releases"'
        ),
        scalar(
            "rotate-every",
            Duration("1d", "3650d"),
            "How old a value may become. `sentinelctl validate` warns of older ones.",
            'rotate-every "90d"',
        ),
        Field(
            "sealed",
            "The sealed value for an environment.",
            'sealed "production" "v1.…" version=2 rotated="2026-11-24"',
            arguments=(
                Slot("environment", Reference("environment"), "the environment whose key it is sealed for"),
                Slot("value", Sealed(), "what sealing gave"),
            ),
            properties=(
                Slot("version", Integer(1, LARGEST_VERSION), "counts up with every new value", default=1),
                Slot("rotated", DATE, "the day on which the value was made", required=False),
            ),
            repeatable=True,
        ),
    ),
    example='secret "slack-url" {\n    description "Incoming webhook of #releases"\n    rotate-every "180d"\n}',
    overridable=False,
    check=_check,
)
