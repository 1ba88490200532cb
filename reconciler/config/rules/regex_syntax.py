"""Regular expressions as trees. The syntax is the strict subset of Rust's that `rust_regex` accepts and nothing else.

An expression that `regex_problem` has let through is parsed here without any further check.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

Test = Callable[[str], bool]

_COUNTED = re.compile(r"\{([0-9]{1,4})(?:(,)([0-9]{1,4})?)?\}")
_GROUP = re.compile(r"\?(?:P?<[A-Za-z_][A-Za-z0-9_]*>|([ims]*)(?:-([ims]+))?(:|\)))")
_CONTROL = {"n": "\n", "t": "\t", "r": "\r", "f": "\f", "v": "\v"}


def is_word(character: str) -> bool:
    """Whether the character belongs to a word, for \\w and \\b."""
    return character == "_" or character.isalnum()


_CLASSES: dict[str, Test] = {
    "d": str.isdecimal,
    "w": is_word,
    "s": str.isspace,
    "D": lambda c: not c.isdecimal(),
    "W": lambda c: not is_word(c),
    "S": lambda c: not c.isspace(),
}


@dataclass(frozen=True, slots=True)
class One:
    """One character that passes a test."""

    test: Test


@dataclass(frozen=True, slots=True)
class At:
    """A place between characters: "start", "end", "line-start", "line-end", "edge" or "inside" of a word."""

    place: str


@dataclass(frozen=True, slots=True)
class Row:
    """Parts one after the other."""

    parts: tuple[Tree, ...]


@dataclass(frozen=True, slots=True)
class Either:
    """Any of the ways."""

    ways: tuple[Tree, ...]


@dataclass(frozen=True, slots=True)
class Times:
    """A part several times; `most` is None when there is no bound."""

    part: Tree
    least: int
    most: int | None


Tree = One | At | Row | Either | Times


def parse(pattern: str) -> Tree:
    """The tree of an expression for which `regex_problem` gives None."""
    return _Parser(pattern).alternatives(frozenset())


class _Parser:
    def __init__(self, pattern: str) -> None:
        self.pattern = pattern
        self.at = 0

    def peek(self) -> str:
        return self.pattern[self.at : self.at + 1]

    def alternatives(self, flags: frozenset[str]) -> Tree:
        ways: list[Tree] = []
        parts: list[Tree] = []
        while self.at < len(self.pattern) and self.peek() != ")":
            character = self.peek()
            if character == "|":
                self.at += 1
                ways.append(Row(tuple(parts)))
                parts = []
                continue
            if character == "(":
                inner = self.group(flags)
                if isinstance(inner, frozenset):
                    # Flags without a colon hold to the end of the group that they stand in.
                    flags = inner
                    continue
                parts.append(self.repeated(inner))
                continue
            parts.append(self.repeated(self.atom(flags)))
        ways.append(Row(tuple(parts)))
        return ways[0] if len(ways) == 1 else Either(tuple(ways))

    def group(self, flags: frozenset[str]) -> Tree | frozenset[str]:
        self.at += 1
        inside = flags
        opening = _GROUP.match(self.pattern, self.at) if self.peek() == "?" else None
        if opening is not None:
            inside = (flags | set(opening[1] or "")) - set(opening[2] or "")
            self.at = opening.end()
            if opening[3] == ")":
                return inside
        tree = self.alternatives(inside)
        self.at += 1
        return tree

    def repeated(self, part: Tree) -> Tree:
        character = self.peek()
        if not character or character not in "*+?{":
            return part
        least, most = {"*": (0, None), "+": (1, None), "?": (0, 1)}.get(character, (0, None))
        if character == "{":
            counted = _COUNTED.match(self.pattern, self.at)
            assert counted is not None  # noqa: S101 - the expression was checked
            least = int(counted[1])
            most = int(counted[3]) if counted[3] else (None if counted[2] else least)
            self.at = counted.end()
        else:
            self.at += 1
        if self.peek() == "?":
            # Which of several matches is taken makes no difference to whether there is one.
            self.at += 1
        return Times(part, least, most)

    def atom(self, flags: frozenset[str]) -> Tree:
        character = self.peek()
        if character == "[":
            return One(_folded(self.bracket(), flags))
        self.at += 1
        if character == "^":
            return At("line-start" if "m" in flags else "start")
        if character == "$":
            return At("line-end" if "m" in flags else "end")
        if character == ".":
            return One((lambda c: True) if "s" in flags else (lambda c: c != "\n"))
        if character != "\\":
            return One(_folded(character.__eq__, flags))
        return self.escape(flags)

    def escape(self, flags: frozenset[str]) -> Tree:
        letter = self.peek()
        self.at += 1
        places = {"b": "edge", "B": "inside", "A": "start", "z": "end"}
        if letter in places:
            return At(places[letter])
        if letter in _CLASSES:
            return One(_CLASSES[letter])
        return One(_folded(self.literal(letter).__eq__, flags))

    def literal(self, letter: str) -> str:
        if letter == "x":
            self.at += 2
            return chr(int(self.pattern[self.at - 2 : self.at], 16))
        return _CONTROL.get(letter, letter)

    def bracket(self) -> Test:
        self.at += 1
        negated = self.peek() == "^"
        if negated:
            self.at += 1
        tests: list[Test] = []
        ranges: list[tuple[str, str]] = []
        while self.peek() != "]":
            low = self.member(tests)
            if low is None:
                continue
            high = low
            if self.peek() == "-" and self.pattern[self.at + 1 : self.at + 2] != "]":
                self.at += 1
                high = self.member(tests) or low
            ranges.append((low, high))
        self.at += 1

        def within(character: str) -> bool:
            return any(a <= character <= b for a, b in ranges) or any(test(character) for test in tests)

        return (lambda c: not within(c)) if negated else within

    def member(self, tests: list[Test]) -> str | None:
        """The next member of a class: a character, or None after adding a test for several."""
        character = self.peek()
        self.at += 1
        if character != "\\":
            return character
        letter = self.peek()
        self.at += 1
        if letter in _CLASSES:
            tests.append(_CLASSES[letter])
            return None
        return self.literal(letter)


def _folded(test: Test, flags: frozenset[str]) -> Test:
    if "i" not in flags:
        return test
    return lambda c: test(c) or test(c.lower()) or test(c.upper())
