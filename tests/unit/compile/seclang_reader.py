"""Reads SecLang as its engines do, as far as the compiler writes it: strictly, and knowing nothing of the compiler."""

from __future__ import annotations

import re
from dataclasses import dataclass

DIRECTIVES = {
    "SecRuleEngine": 1,
    "SecRequestBodyAccess": 1,
    "SecResponseBodyAccess": 1,
    "SecDefaultAction": 1,
    "SecAction": 1,
    "SecRule": 3,
    "Include": 1,
    "SecRuleRemoveById": 1,
}


@dataclass(frozen=True)
class Directive:
    """One directive with its arguments, without quotes and escapes."""

    name: str
    arguments: tuple[str, ...]

    @property
    def actions(self) -> list[str]:
        """The actions of a rule, cut at commas outside single quotes."""
        return re.findall(r"((?:[^,']|'[^']*')+)(?:,|$)", self.arguments[-1])


def read(text: str) -> list[Directive]:
    """The directives of a file. Raises AssertionError for whatever an engine would refuse, skip or read otherwise."""
    assert text.endswith("\n")
    assert text.isascii()
    assert "\r" not in text
    found = []
    for line in text.split("\n")[:-1]:
        assert not line.endswith("\\"), f"a line goes on: {line}"
        if line.startswith("#"):
            continue
        name, *words = _words(line)
        assert len(words) == DIRECTIVES[name], line
        found.append(Directive(name, tuple(words)))
    ids = [action for one in found for action in one.actions if action.startswith("id:")]
    assert len(ids) == len(set(ids)), "an id stands twice"
    return found


def _words(line: str) -> list[str]:
    words = []
    at = 0
    while at < len(line):
        if line[at] == " ":
            at += 1
            continue
        if line[at] == '"':
            match = re.compile(r'"((?:[^"\\]|\\["\\])*)"(?: |$)').match(line, at)
            assert match is not None, line
            words.append(re.sub(r'\\(["\\])', r"\1", match[1]))
        else:
            match = re.compile(r'([^ "\'\\#]+)(?: |$)').match(line, at)
            assert match is not None, line
            words.append(match[1])
        at = match.end()
    return words
