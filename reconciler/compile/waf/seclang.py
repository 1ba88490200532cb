"""Writes SecLang, the language of ModSecurity's rules: one directive for each line, every string quoted.

The two engines that read it (libmodsecurity and zentinel-modsec) agree on this much: inside double quotes a backslash
escapes a quote and itself, a list of actions is cut at commas outside single quotes, and `%{…}` is replaced when a
rule runs. Nothing that any of these could misread is ever written; what cannot be written is a ValueError.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable

_UNWRITABLE = re.compile("[\x00-\x1f\x7f\u0085\u2028\u2029]|%\\{")
_ACTION = re.compile(r"[A-Za-z0-9_.:=|;/\[\]+ -]+")
_WORD = re.compile(r"[A-Za-z0-9_.:|&/*!-]+")


def quoted(text: str) -> str:
    """The text as a quoted argument. Raises ValueError for control characters and for `%{`, which would be replaced."""
    if _UNWRITABLE.search(text):
        raise ValueError("the text cannot be written in SecLang")
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def comment(text: str) -> str:
    """A line that is skipped. The text stands in it as JSON in ASCII: no line can end, or go on, within it."""
    return f"# {json.dumps(text)}\n"


def directive(name: str, *words: str) -> str:
    """A directive with plain words. Raises ValueError when a word would have to be quoted."""
    for word in words:
        if not _WORD.fullmatch(word):
            raise ValueError(f"{word!r} is not a plain word")
    return " ".join((name, *words)) + "\n"


def action(actions: Iterable[str]) -> str:
    """A `SecAction`: what is done for every request."""
    return f"SecAction {_actions(actions)}\n"


def rule(variable: str, operator: str, argument: str, actions: Iterable[str]) -> str:
    """A `SecRule`: the actions are taken when the operator holds for the variable."""
    if not _WORD.fullmatch(variable):
        raise ValueError(f"{variable!r} is not a variable")
    return f"SecRule {variable} {quoted(f'@{operator} {argument}')} {_actions(actions)}\n"


def _actions(actions: Iterable[str]) -> str:
    parts = []
    for part in actions:
        bare = part
        if "'" in part:
            name, _, rest = part.partition(":'")
            bare = name + rest.removesuffix("'")
        if not _ACTION.fullmatch(bare):
            raise ValueError(f"{part!r} is not an action")
        parts.append(part)
    return quoted(",".join(parts))


def literal_regex(text: str) -> str:
    """A regular expression that finds just this text. Characters are put into classes, so that nothing is escaped.

    Raises ValueError for a text with a character that would need more than that.
    """
    if re.search(r"[\\\[\]^]", text):
        raise ValueError("the text cannot be written as a regular expression without escapes")
    return re.sub(r"[^A-Za-z0-9_/-]", lambda match: f"[{match[0]}]", text)
