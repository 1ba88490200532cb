"""The events that a notification rule can name are those that are recorded, under the same names."""

from __future__ import annotations

import ast
import re
from pathlib import Path

from reconciler.config.kinds.notification_rule import CONDITIONS, EVENTS, FAMILIES, RECORDED

ROOT = Path(__file__).parents[2]
EVENT = re.compile(r"[a-z]+\.[a-z]+(?:-[a-z]+)*")
FILES = (".html", ".kdl")
ELSEWHERE = {
    "bundle.compile",  # a scope of the interface's words
    "certificate.acme",  # a path into a listener
    "drift.looked-at",  # an act of a person, in the audit log
    "environment.commit",  # rows of the audit log that are commits
    "trunk.commit",
    "webhook.secret",  # a file
    *(f"release.{page}" for page in ("bundles", "calendar", "drift", "rollouts", "waiting")),
}
"""Names of the same form that are something else."""

MADE = {"rollout.cancelled", "rollout.superseded", "work.failed", "work.refused", "work.stalled"}
"""Put together where they are recorded: `apply` and `ending` name how a rollout ended, the job loop how work did."""


def test_every_recorded_event_can_be_named_and_no_other() -> None:
    found: set[str] = set()
    for package in ("reconciler", "web", "webhooks"):
        for path in (ROOT / package).rglob("*.py"):
            if "config" in path.relative_to(ROOT).parts:
                continue
            texts = (
                node.value
                for node in ast.walk(ast.parse(path.read_text()))
                if isinstance(node, ast.Constant) and isinstance(node.value, str)
            )
            found |= {
                text
                for text in texts
                if EVENT.fullmatch(text)
                and text.partition(".")[0] in FAMILIES
                and not text.endswith(FILES)
                and text not in ELSEWHERE
            }
    assert found | MADE == set(RECORDED)


def test_what_only_comes_to_hold_is_not_recorded() -> None:
    assert set(EVENTS) == {*RECORDED, *CONDITIONS}
    assert not set(RECORDED) & set(CONDITIONS)
