"""Types of single values: what each accepts, how it is written canonically, how it is described.

A type's `read` gives the canonical value or a `Problem`, never an exception. The canonical value is what the JSON
form holds. Types of names on the network are in `network.py`, of headers in `headers.py`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from reconciler.config.characters import INVISIBLE, name_of, shown
from reconciler.config.kdl import KdlValue
from reconciler.config.report import Problem
from reconciler.config.suggest import nearest

Json = Any


class ValueType(Protocol):
    """One type of value. `name` is what the reference calls it, `expected` completes "expected …"."""

    @property
    def name(self) -> str: ...

    @property
    def expected(self) -> str: ...

    def read(self, value: KdlValue) -> Json | Problem: ...

    def json_schema(self) -> dict[str, Any]: ...


def described(value: KdlValue) -> str:
    """A value for a message, with its type."""
    if isinstance(value, bool):
        return "#true" if value else "#false"
    if value is None:
        return "#null"
    if isinstance(value, str):
        return f"the string {shown(value)}"
    if isinstance(value, float):
        return f"the number {value!r}"
    return f"the integer {value}"


def wrong_type(value: KdlValue, expected: str) -> Problem:
    """The value has another type than the place wants."""
    hint = ""
    if isinstance(value, str) and value in ("true", "false"):
        hint = f"write #{value} without quotes"
    elif isinstance(value, str) and value.lstrip("-").isdigit():
        hint = "write the number without quotes"
    elif not isinstance(value, str):
        hint = "put it in quotes" if "string" in expected or '"' in expected else ""
    return Problem(
        "E-VAL-001", f"{described(value)} has the wrong type", expected, hint or f"write {expected}"
    )


def invisible(text: str) -> Problem | None:
    """The problem with a string that holds characters nobody can see, or None."""
    found = INVISIBLE.search(text)
    if found is None:
        return None
    return Problem(
        "E-VAL-005",
        f"the string {shown(text)} holds the character {name_of(found[0])}, which cannot be seen",
        "visible characters",
        "remove it",
    )


@dataclass(frozen=True, slots=True)
class Text:
    """Free text of one line, without characters that cannot be seen."""

    maximum: int = 1000
    name: str = "text"

    @property
    def expected(self) -> str:
        return f"a string of 1 to {self.maximum} characters on one line"

    def read(self, value: KdlValue) -> Json | Problem:
        if not isinstance(value, str):
            return wrong_type(value, self.expected)
        if not 1 <= len(value) <= self.maximum or "\n" in value or "\r" in value:
            return Problem("E-VAL-004", f"{described(value)} cannot stand here", self.expected, "shorten it")
        return invisible(value) or value

    def json_schema(self) -> dict[str, Any]:
        return {"type": "string", "minLength": 1, "maxLength": self.maximum}


@dataclass(frozen=True, slots=True)
class Pattern:
    """A string of a given form. `check` may look closer at what the pattern lets through.

    `unshown`: what stands here instead may be a secret that somebody pasted, so no message repeats it.
    """

    name: str
    pattern: str
    expected: str
    hint: str
    maximum: int = 255
    check: Callable[[str], Problem | None] | None = None
    unshown: bool = False
    compiled: re.Pattern[str] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "compiled", re.compile(self.pattern))

    def read(self, value: KdlValue) -> Json | Problem:
        if not isinstance(value, str):
            return wrong_type(value, self.expected)
        if len(value) > self.maximum or not self.compiled.fullmatch(value):
            if self.unshown:
                message = f"the value is not {self.name_with_article}"
                return Problem("E-VAL-004", message, self.expected, self.hint)
            return invisible(value) or Problem(
                "E-VAL-004", f"{shown(value)} is not {self.name_with_article}", self.expected, self.hint
            )
        if self.check is not None:
            problem = self.check(value)
            if problem is not None:
                return problem
        return value

    @property
    def name_with_article(self) -> str:
        return f"{'an' if self.name[0] in 'aeio' else 'a'} {self.name}"

    def json_schema(self) -> dict[str, Any]:
        return {"type": "string", "pattern": f"^(?:{self.pattern})$", "maxLength": self.maximum}


@dataclass(frozen=True, slots=True)
class Integer:
    """A whole number between two bounds, both included."""

    minimum: int
    maximum: int
    name: str = "integer"

    @property
    def expected(self) -> str:
        return f"a whole number from {self.minimum} to {self.maximum}"

    def read(self, value: KdlValue) -> Json | Problem:
        if isinstance(value, bool) or not isinstance(value, int):
            return wrong_type(value, self.expected)
        if not self.minimum <= value <= self.maximum:
            near = self.minimum if value < self.minimum else self.maximum
            return Problem("E-VAL-003", f"{value} is out of range", self.expected, f"the nearest is {near}")
        return value

    def json_schema(self) -> dict[str, Any]:
        return {"type": "integer", "minimum": self.minimum, "maximum": self.maximum}


@dataclass(frozen=True, slots=True)
class Flag:
    """#true or #false."""

    name: str = "flag"
    expected: str = "#true or #false"

    def read(self, value: KdlValue) -> Json | Problem:
        return value if isinstance(value, bool) else wrong_type(value, self.expected)

    def json_schema(self) -> dict[str, Any]:
        return {"type": "boolean"}


@dataclass(frozen=True, slots=True)
class Choice:
    """One of a few words. `instead` gives a hint for words that people try and that cannot be had."""

    options: tuple[str, ...]
    instead: Mapping[str, str] = field(default_factory=dict)
    name: str = "choice"

    @property
    def expected(self) -> str:
        quoted = [f'"{option}"' for option in self.options]
        return quoted[0] if len(quoted) == 1 else f"{', '.join(quoted[:-1])} or {quoted[-1]}"

    def read(self, value: KdlValue) -> Json | Problem:
        if value in self.options and isinstance(value, str):
            return value
        if not isinstance(value, str):
            return wrong_type(value, self.expected)
        near = nearest(value, self.options)
        hint = self.instead.get(value) or (f"did you mean '{near}'?" if near else f"write {self.expected}")
        return Problem("E-VAL-002", f"{shown(value)} is not a value of this field", self.expected, hint)

    def json_schema(self) -> dict[str, Any]:
        return {"type": "string", "enum": list(self.options)}


@dataclass(frozen=True, slots=True)
class Reference:
    """The name of a resource of another kind. That it exists is checked when the whole tree is known."""

    kind: str
    resource: str = "[a-z](?:[a-z0-9-]{0,62})"

    @property
    def name(self) -> str:
        return f"name of {'an' if self.kind[0] in 'aeiou' else 'a'} {self.kind}"

    @property
    def expected(self) -> str:
        return f"the {self.name}"

    def read(self, value: KdlValue) -> Json | Problem:
        if not isinstance(value, str):
            return wrong_type(value, f"{self.expected}, a string")
        return value

    def json_schema(self) -> dict[str, Any]:
        return {"type": "string", "pattern": f"^{self.resource}$"}


def resource_name(maximum: int = 63) -> Pattern:
    """What resources may be called: names become ids, labels and file names."""
    return Pattern(
        name="name",
        pattern="[a-z](?:[a-z0-9-]*[a-z0-9])?",
        expected=f"a lower-case letter, then letters, digits and hyphens, at most {maximum} characters",
        hint="write it like 'checkout' or 'edge-eu'",
        maximum=maximum,
        check=_reserved,
    )


def _reserved(name: str) -> Problem | None:
    if not name.startswith("sentinel-") and name != "sentinel":
        return None
    return Problem(
        "E-VAL-007",
        f"the name {shown(name)} is reserved",
        "a name that does not begin with 'sentinel'",
        "the control plane adds parts of its own under such names; choose another",
    )
