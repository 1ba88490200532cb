"""The kind `team`."""

from __future__ import annotations

from reconciler.config.people import PERSON
from reconciler.config.schema import kind, scalar, values
from reconciler.config.values import Text

KIND = kind(
    "team",
    "People who may approve releases together: an environment that asks for approvals names them as `team:NAME`. Who "
    "is in a team is known from the newest valid trunk, not from the release that waits.",
    (
        scalar("description", Text(), "What they answer for.", 'description "Keeps the edge up at night"'),
        values(
            "members",
            PERSON,
            "The people in it.",
            'members "ada@example.com" "bob@example.com"',
            required=True,
        ),
    ),
    example='team "release" {\n    members "ada@example.com" "bob@example.com"\n}',
    overridable=False,
)
