"""What a row of the grammar's table says. Data only; `walking` reads it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from types import MappingProxyType

_NOTHING: Mapping[str, str] = MappingProxyType({})


class Kind(Enum):
    """What a child holds. In "strings" and "integers" every entry counts, in the others only the first."""

    string = "a string"
    integer = "an integer"
    boolean = "#true or #false"
    number = "a number"
    strings = "strings"
    integers = "integers"
    numbers = "numbers"
    pair = "two strings"
    level = "an integer or a word"
    share = "an integer or a string"
    block = "a block"
    headers = "a block of names, each with a string"
    free = "anything"


class Repeat(Enum):
    """Which of several children of one name the proxy takes."""

    first = "first"
    last = "last"
    all = "all"


class Unknown(Enum):
    """What happens to a child that the block does not know."""

    ignored = "ignored without a word"
    logged = "ignored, with a line in the proxy's log"
    refused = "refused"


class Effect(Enum):
    """When a changed value takes effect; the last three never do, which is worth a warning."""

    reload = "on a reload"
    restart = "on a restart"
    inert = "nothing reads it"
    ineffective = "it does not do what it says"
    deprecated = "deprecated"


WIDTHS: Mapping[str, range] = MappingProxyType(
    {
        "u8": range(2**8),
        "u16": range(2**16),
        "u32": range(2**32),
        "u64": range(2**64),
        "i32": range(-(2**31), 2**31),
        "i64": range(-(2**63), 2**63),
    }
)
"""Integers are cast to these; what does not fit wraps around without a word."""


@dataclass(frozen=True, slots=True)
class Words:
    """The spellings a string may have. Others are refused, or fall back to a default without a word.

    `prefixes` are beginnings after which anything may follow. `fold` says that case does not matter.
    """

    accepted: tuple[str, ...]
    refused: bool = False
    fold: bool = False
    prefixes: tuple[str, ...] = ()
    falls_to: str = ""

    def has(self, word: str) -> bool:
        """Whether the proxy knows the word."""
        folded = word.lower() if self.fold else word
        return folded in self.accepted or any(folded.startswith(prefix) for prefix in self.prefixes)


@dataclass(frozen=True, slots=True)
class Row:
    """One child of a block.

    `default` is what the proxy takes when the child is absent; empty when that is nothing. `required` children are
    refused when they are absent or of the wrong type. `positive` integers are refused when they are 0, or do not fit
    their width; all others wrap. `note` says why an effect is none, or what the value is.
    """

    name: str
    kind: Kind
    default: str = ""
    required: bool = False
    repeat: Repeat = Repeat.first
    words: Words | None = None
    width: str = "u64"
    positive: bool = False
    effect: Effect = Effect.restart
    note: str = ""
    block: Block | None = None


@dataclass(frozen=True, slots=True)
class Block:
    """A block and its children.

    `name` says which one it is, for messages and for the checks of its own. `identified` blocks need a string as
    first entry. `properties` are the keys that the proxy reads from the node itself. `elsewhere` tells, for children
    people write here in vain, what to do instead. `as_written` blocks compare names with the quotes they have.
    """

    name: str
    rows: tuple[Row, ...] = ()
    unknown: Unknown = Unknown.ignored
    identified: bool = False
    properties: tuple[str, ...] = ()
    arguments: int = 0
    elsewhere: Mapping[str, str] = field(default_factory=lambda: _NOTHING)
    as_written: bool = False

    def row(self, name: str) -> Row | None:
        """The row of this name."""
        return next((row for row in self.rows if row.name == name), None)
