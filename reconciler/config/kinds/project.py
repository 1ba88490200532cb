"""The kind `project`."""

from __future__ import annotations

from reconciler.config.schema import kind, scalar
from reconciler.config.values import Text

KIND = kind(
    "project",
    "What the repository is about. Exactly one stands in a project's folder.",
    (
        scalar("title", Text(100), "What people call it; its name when absent.", 'title "Shop"'),
        scalar(
            "description", Text(), "What it serves, in a sentence.", 'description "The shop\'s public edge."'
        ),
        scalar(
            "owner", Text(200), "Whom to ask: a person, a team or an address.", 'owner "edge@example.com"'
        ),
    ),
    example='project "shop" {\n    title "Shop"\n    owner "edge@example.com"\n}',
    overridable=False,
    single=True,
    name_length=39,
)
