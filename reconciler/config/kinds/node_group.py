"""The kind `node-group`."""

from __future__ import annotations

from reconciler import labels
from reconciler.config.report import Problem
from reconciler.config.schema import Field, Slot, kind, scalar
from reconciler.config.values import Pattern, Text


def _word_of_selectors(key: str) -> Problem | None:
    if key not in labels.WORDS:
        return None
    return Problem(
        "E-VAL-007",
        f"the label '{key}' is reserved",
        f"a label other than {', '.join(sorted(labels.WORDS))}",
        "these are the words of selectors; choose another",
    )


LABEL_KEY = Pattern(
    name="label",
    pattern=labels.KEY,
    expected=labels.KEY_FORM,
    hint="write it like 'region' or 'topology/zone'",
    maximum=labels.LONGEST,
    check=_word_of_selectors,
)
LABEL_VALUE = Pattern(
    name="label value",
    pattern=labels.VALUE,
    expected=labels.VALUE_FORM,
    hint="write it like 'eu-west-1'",
    maximum=labels.LONGEST,
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
