"""Checks a regular expression against a strict subset of Rust's `regex` crate.

The proxy compiles a path's expression only when it starts: a bad one stops it then, and on a reload leaves the old
routes in place. So nothing passes here that the crate might refuse. Source: docs.rs/regex, "Syntax". What is left out
on purpose: look-around and backreferences (the crate has neither), nested classes and class operators, POSIX classes,
flags other than i, m and s, and repetitions that would compile to a huge automaton.
"""

from __future__ import annotations

import re

Trouble = tuple[str, str]
"""What is wrong (completing "the regular expression …"), and what to write instead."""

MAX_COUNT = 100
MAX_PRODUCT = 1000
MAX_GROUPS = 50

_ESCAPES = frozenset("dDwWsSbBAzntrfv" + r"\.+*?()|[]{}^$#&-~/!\"%',:;=@_` ")
_IN_CLASS = frozenset("dDwWsSntrfv" + r"\.+*?()|[]{}^$#&-~/!\"%',:;=@_` ")
_COUNTED = re.compile(r"\{([0-9]{1,4})(?:(,)([0-9]{1,4})?)?\}")
_HEX = re.compile(r"x[0-9A-Fa-f]{2}")
_GROUP = re.compile(r"\?(?:P?<([A-Za-z_][A-Za-z0-9_]*)>|([ims]*)(?:-([ims]+))?(:|\)))")
_FORBIDDEN_GROUPS = {
    "?=": ("has a look-ahead", "match the path itself, or use several services"),
    "?!": ("has a negative look-ahead", "give the exception a service of its own with a higher priority"),
    "?<=": ("has a look-behind", "match the whole path instead"),
    "?<!": ("has a negative look-behind", "give the exception a service of its own with a higher priority"),
    "?>": ("has an atomic group", "write (?:…); matching is linear anyway"),
    "?P=": ("has a backreference", "Rust has none; write the alternatives out"),
    "?#": ("has a comment", "put the comment into the file"),
}


class _Bad(Exception):
    def __init__(self, what: str, hint: str) -> None:
        super().__init__(what)
        self.trouble = (what, hint)


def regex_problem(pattern: str) -> Trouble | None:
    """What keeps the expression from being used, or None when it can be."""
    try:
        checker = _Checker(pattern)
        checker.alternatives(0, 1)
    except _Bad as bad:
        return bad.trouble
    if checker.at < len(pattern):
        return ("closes a group that is not open", "write \\) for the character itself")
    return None


class _Checker:
    """Recursive descent over the expression; depth is bounded by the number of groups."""

    def __init__(self, pattern: str) -> None:
        self.pattern = pattern
        self.at = 0
        self.groups = 0
        self.names: set[str] = set()

    def peek(self) -> str:
        return self.pattern[self.at : self.at + 1]

    def alternatives(self, depth: int, product: int) -> int:
        """Reads to the end or to a closing parenthesis; gives the largest product of counts inside."""
        largest = 1
        repeatable = False
        while self.at < len(self.pattern) and self.peek() != ")":
            character = self.peek()
            if character in "*+?{":
                raise _Bad(
                    f"repeats nothing at character {self.at + 1}",
                    f"write \\{character} for the character itself",
                )
            if character in "|^$":
                self.at += 1
                continue
            size, repeatable = self.atom(depth)
            largest = max(largest, size * self.count(repeatable))
            if largest > MAX_PRODUCT:
                raise _Bad(f"repeats more than {MAX_PRODUCT} times", "use * or +, or smaller counts")
        return largest

    def count(self, repeatable: bool) -> int:
        character = self.peek()
        if character not in ("*", "+", "?", "{") or not character:
            return 1
        if not repeatable:
            raise _Bad("repeats something of no length", "remove the repetition")
        times = 1
        if character == "{":
            counted = _COUNTED.match(self.pattern, self.at)
            if counted is None:
                raise _Bad("has a { that is no count", "write \\{ for the character itself")
            low = int(counted[1])
            high = int(counted[3]) if counted[3] else low
            if high < low:
                raise _Bad(f"has the count {counted[0]}", "put the smaller number first")
            if high > MAX_COUNT:
                raise _Bad(f"repeats {high} times", f"at most {MAX_COUNT}; use * or +")
            self.at = counted.end()
            times = max(high, 1)
        else:
            self.at += 1
        if self.peek() == "?":
            self.at += 1
        if self.peek() in ("*", "+", "?", "{") and self.peek():
            raise _Bad("has a repetition of a repetition", "put the inner one into a group (?:…)")
        return times

    def atom(self, depth: int) -> tuple[int, bool]:
        character = self.peek()
        if character == "(":
            return self.group(depth)
        if character == "[":
            self.bracket()
        elif character == "\\":
            zero_width = self.pattern[self.at + 1 : self.at + 2] in tuple("bBAz")
            self.escape(_ESCAPES)
            return 1, not zero_width
        elif character in "]}":
            raise _Bad(
                f"has a {character} that closes nothing", f"write \\{character} for the character itself"
            )
        else:
            self.at += 1
        return 1, True

    def escape(self, allowed: frozenset[str]) -> None:
        following = self.pattern[self.at + 1 : self.at + 2]
        if following.isdigit():
            raise _Bad("has a backreference", "Rust has none; write the alternatives out")
        if following == "k":
            raise _Bad("has a backreference", "Rust has none; write the alternatives out")
        if following in ("p", "P"):
            raise _Bad("has a Unicode class", "paths are ASCII; write the characters, such as [a-z]")
        if following in ("Z", "G", "K", "R", "h", "H"):
            hint = "write \\z for the end" if following == "Z" else "Rust does not know it"
            raise _Bad(f"has \\{following}", hint)
        hexadecimal = _HEX.match(self.pattern, self.at + 1)
        if hexadecimal is not None:
            self.at = hexadecimal.end()
            return
        if not following or following not in allowed:
            raise _Bad(f"has the unknown escape \\{following}", "write the character without the backslash")
        self.at += 2

    def group(self, depth: int) -> tuple[int, bool]:
        self.groups += 1
        if self.groups > MAX_GROUPS:
            raise _Bad(f"has more than {MAX_GROUPS} groups", "use several services")
        self.at += 1
        if self.peek() == "?":
            for prefix, trouble in _FORBIDDEN_GROUPS.items():
                if self.pattern.startswith(prefix, self.at):
                    raise _Bad(*trouble)
            opening = _GROUP.match(self.pattern, self.at)
            if opening is None:
                raise _Bad("has a group that Rust does not know", "write (…), (?:…), (?<name>…) or (?i)")
            if opening[1] is not None:
                if opening[1] in self.names:
                    raise _Bad(f"has two groups of the name {opening[1]}", "rename one")
                self.names.add(opening[1])
            flags = (opening[2] or "") + (opening[3] or "")
            if len(set(flags)) != len(flags) or (opening[4] == ")" and not flags):
                raise _Bad("has flags that say nothing or say it twice", "write each flag once, as in (?i)")
            self.at = opening.end()
            if opening[4] == ")":
                return 1, False
        largest = self.alternatives(depth + 1, 1)
        if self.peek() != ")":
            raise _Bad("opens a group and does not close it", "add the missing )")
        self.at += 1
        return largest, True

    def bracket(self) -> None:
        self.at += 1
        if self.peek() == "^":
            self.at += 1
        first = True
        while True:
            character = self.peek()
            if not character:
                raise _Bad("opens a class and does not close it", "add the missing ]")
            if character == "]":
                if first:
                    raise _Bad("has an empty class", "write \\] for the character itself")
                self.at += 1
                return
            first = False
            low = self.class_item()
            if self.peek() == "-" and self.pattern[self.at + 1 : self.at + 2] not in ("]", ""):
                self.at += 1
                high = self.class_item()
                if low is None or high is None or high < low:
                    raise _Bad(
                        "has a range in a class that runs backwards or from a class", "write it like a-z"
                    )

    def class_item(self) -> str | None:
        """Reads one member of a class; gives its character, or None when it stands for several."""
        character = self.peek()
        if character == "\\":
            start = self.at
            self.escape(_IN_CLASS)
            body = self.pattern[start + 1 : self.at]
            if body[0] == "x" and len(body) == 3:
                return chr(int(body[1:], 16))
            return (
                None
                if body in "dDwWsS"
                else {"n": "\n", "t": "\t", "r": "\r", "f": "\f", "v": "\v"}.get(body, body)
            )
        if character == "[":
            raise _Bad("has a class inside a class", "write \\[ for the character itself")
        if self.pattern[self.at : self.at + 2] in ("&&", "--", "~~"):
            raise _Bad("has an operator between classes", "write the characters out")
        self.at += 1
        return character
