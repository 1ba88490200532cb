"""Reads the language of selectors. Every mistake is named with its place.

    selector = all { "or" all }          all = one { "and" one }
    one      = "not" one | "(" selector ")" | "has" KEY | "group:" NAME
             | KEY "=" VALUE | KEY "!=" VALUE | KEY ["not"] "in" "(" VALUE { "," VALUE } ")"

`and` binds tighter than `or`, `not` tighter than both. `KEY!=VALUE` and `KEY not in (…)` are short for `not …`: a node
without the label is meant, too. No label is called like a word of the language (`reconciler.labels.WORDS`).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from reconciler import labels
from reconciler.errors import Refused
from reconciler.fleet.selectors import All, AnyOf, Group, Label, Not, Selector, canonical

LONGEST = 2_000
DEEPEST = 32
"""Brackets and negations inside each other: more than anybody reads."""

_TOKEN = re.compile(
    r"[ \t\r\n]*(?:(?P<group>group:)|(?P<word>[A-Za-z0-9](?:[A-Za-z0-9._/-]*[A-Za-z0-9])?)|(?P<mark>!=|[=(),]))"
)
_NAME = re.compile(r"[a-z](?:[a-z0-9-]*[a-z0-9])?")


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str
    text: str
    at: int
    """Counted from 1, as people count."""


def read_selector(text: str) -> Selector:
    """The selector in its canonical form. Raises `Refused` (E-NOD-100) that names the column of the mistake."""
    if len(text) > LONGEST:
        raise Refused("E-NOD-100", f"the selector has {len(text)} characters, more than {LONGEST}")
    reader = _Reader(text, _tokens(text))
    selector = reader.selector(0)
    if reader.ahead.kind != "end":
        raise reader.wrong("'and', 'or' or the end")
    return canonical(selector)


def _tokens(text: str) -> list[_Token]:
    found, position = [], 0
    while text[position:].strip(" \t\r\n"):
        match = _TOKEN.match(text, position)
        if match is None:
            position += len(text[position:]) - len(text[position:].lstrip(" \t\r\n"))
            shown = text[position].encode("ascii", "backslashreplace").decode()
            raise _refused(text, position + 1, f"'{shown}' has no meaning in a selector")
        kind = str(match.lastgroup)
        found.append(_Token(kind, match[kind], match.start(kind) + 1))
        position = match.end()
    return [*found, _Token("end", "", len(text.rstrip()) + 1)]


class _Reader:
    """Walks over the tokens; one function for each rule of the grammar."""

    def __init__(self, text: str, tokens: list[_Token]) -> None:
        self._text, self._tokens, self._next = text, tokens, 0

    @property
    def ahead(self) -> _Token:
        return self._tokens[self._next]

    def selector(self, depth: int) -> Selector:
        parts = [self._all(depth)]
        while self._taken("or"):
            parts.append(self._all(depth))
        return AnyOf(tuple(parts))

    def wrong(self, expected: str) -> Refused:
        got = f"'{self.ahead.text[:80]}'" if self.ahead.kind != "end" else "the end"
        return _refused(self._text, self.ahead.at, f"{got} stands where {expected} was expected")

    def _all(self, depth: int) -> Selector:
        parts = [self._one(depth)]
        while self._taken("and"):
            parts.append(self._one(depth))
        return All(tuple(parts))

    def _one(self, depth: int) -> Selector:
        if depth > DEEPEST:
            raise _refused(
                self._text, self.ahead.at, f"more than {DEEPEST} brackets and negations are open here"
            )
        if self._taken("not"):
            return Not(self._one(depth + 1))
        if self._taken("("):
            inner = self.selector(depth + 1)
            self._need(")", "')'")
            return inner
        if self.ahead.kind == "group":
            self._next += 1
            return Group(self._word(_is_name, "the name of a node-group"))
        if self._taken("has"):
            return Label(self._word(labels.is_key, "a label"))
        return self._label()

    def _label(self) -> Selector:
        key = self._word(labels.is_key, "a label, 'group:', 'has', 'not' or '('")
        if self._taken("="):
            return Label(key, (self._word(labels.is_value, f"a value of '{key}'"),))
        if self._taken("!="):
            return Not(Label(key, (self._word(labels.is_value, f"a value of '{key}'"),)))
        negated = self._taken("not")
        if not self._taken("in"):
            raise self.wrong("'in'" if negated else f"'=', '!=', 'in' or 'not in' after the label '{key}'")
        self._need("(", "'('")
        values = [self._word(labels.is_value, f"a value of '{key}'")]
        while self._taken(","):
            values.append(self._word(labels.is_value, f"a value of '{key}'"))
        self._need(")", "',' or ')'")
        found = Label(key, tuple(values))
        return Not(found) if negated else found

    def _word(self, fits: Callable[[str], bool], expected: str) -> str:
        text = self.ahead.text
        if self.ahead.kind != "word" or not fits(text):
            raise self.wrong(expected)
        self._next += 1
        return text

    def _taken(self, text: str) -> bool:
        if self.ahead.text != text or self.ahead.kind == "group":
            return False
        self._next += 1
        return True

    def _need(self, text: str, expected: str) -> None:
        if not self._taken(text):
            raise self.wrong(expected)


def _is_name(text: str) -> bool:
    return len(text) <= 63 and _NAME.fullmatch(text) is not None


def _refused(text: str, column: int, words: str) -> Refused:
    shown = text if len(text) <= 200 else text[:200] + "…"
    return Refused(
        "E-NOD-100",
        f"the selector '{shown}' cannot be read at column {column}: {words}",
        cure="Write it like: region=eu-west and tier in (edge, core) and not group:canaries",
    )
