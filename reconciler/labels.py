"""The grammar of node labels, in the one place that the language, the agent and the node API take it from."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from reconciler.errors import Stalled

KEY = r"[a-z0-9](?:[a-z0-9._/-]*[a-z0-9])?"
KEY_FORM = "lower-case letters, digits, '.', '_', '/' and '-'"
VALUE = r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?"
VALUE_FORM = "letters, digits, '.', '_' and '-'"
LONGEST = 63
"""Characters of a key, and of a value."""

MOST = 32
"""Labels of one node."""

WORDS = frozenset({"and", "or", "not", "in", "has"})
"""The words of selectors (`reconciler.fleet.selecting`), which therefore are no labels."""

_KEY = re.compile(KEY)
_VALUE = re.compile(VALUE)


def read_labels(parts: Iterable[str]) -> dict[str, str]:
    """Parts such as `region=eu-west` as labels; empty ones are passed over. Raises `Stalled` (E-NOD-007)."""
    labels: dict[str, str] = {}
    for part in filter(None, (part.strip() for part in parts)):
        key, equals, value = (word.strip() for word in part.partition("="))
        wrong = None if key and equals else f"{_shown(part)} has no name and value"
        if wrong is None and key in labels:
            wrong = f"the label '{key}' is given twice"
        labels[key] = value
        wrong = wrong or objection(labels)
        if wrong is not None:
            raise Stalled(
                "E-NOD-007", f"labels cannot be read: {wrong}", cure="Write name=value for each label"
            )
    return labels


def objection(labels: Mapping[str, str]) -> str | None:
    """What is wrong with a node's labels, as a sentence, or None when nothing is."""
    if len(labels) > MOST:
        return f"a node has at most {MOST} labels, not {len(labels)}"
    for key, value in labels.items():
        if not is_key(key):
            return (
                f"{_shown(key)} is no label: it takes 1 to {LONGEST} {KEY_FORM}, beginning and ending with a "
                f"letter or digit, and is none of {', '.join(sorted(WORDS))}"
            )
        if not is_value(value):
            return (
                f"{_shown(value)} is no value of the label '{key}': it takes 1 to {LONGEST} {VALUE_FORM}, "
                "beginning and ending with a letter or digit"
            )
    return None


def is_key(text: str) -> bool:
    """Whether a label can be called this."""
    return len(text) <= LONGEST and text not in WORDS and _KEY.fullmatch(text) is not None


def is_value(text: str) -> bool:
    """Whether a label can have this value."""
    return len(text) <= LONGEST and _VALUE.fullmatch(text) is not None


def _shown(text: str) -> str:
    return "'" + text.encode("ascii", "backslashreplace").decode()[:80] + "'"
