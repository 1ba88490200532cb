"""The kind `node-group`."""

from __future__ import annotations

from reconciler.config.schema import Field, Slot, kind, scalar
from reconciler.config.values import Pattern, Text

LABEL_KEY = Pattern(
    name="label",
    pattern=r"[a-z0-9](?:[a-z0-9._/-]*[a-z0-9])?",
    expected="lower-case letters, digits, '.', '_', '/' and '-'",
    hint="write it like 'region' or 'topology/zone'",
    maximum=63,
)
LABEL_VALUE = Pattern(
    name="label value",
    pattern=r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?",
    expected="letters, digits, '.', '_' and '-'",
    hint="write it like 'eu-west-1'",
    maximum=63,
)

KIND = kind(
    "node-group",
    "A name for the nodes that carry certain labels. A node belongs to it when every `label` line matches.",
    (
        scalar(
            "description", Text(), "What these nodes have in common.", 'description "Edge nodes in Europe"'
        ),
        Field(
            "label",
            "A label and the values of which the node has to have one.",
            'label "region" "eu-west" "eu-north"',
            arguments=(Slot("key", LABEL_KEY, "the label"),),
            rest=Slot("values", LABEL_VALUE, "the values, any of which matches"),
            repeatable=True,
            required=True,
        ),
    ),
    example='node-group "edge-eu" {\n    label "region" "eu-west" "eu-north"\n}',
)
