"""Short ways to write a row."""

from __future__ import annotations

from reconciler.compile.native.shape import Block, Effect, Kind, Repeat, Row, Words

RELOAD = Effect.reload
RESTART = Effect.restart
INERT = Effect.inert
INEFFECTIVE = Effect.ineffective


def text(
    name: str,
    default: str = "",
    *,
    required: bool = False,
    words: Words | None = None,
    effect: Effect = RESTART,
    note: str = "",
    repeat: Repeat = Repeat.first,
) -> Row:
    """A child whose first entry is a string."""
    return Row(name, Kind.string, default, required, repeat=repeat, words=words, effect=effect, note=note)


def whole(
    name: str,
    default: str = "",
    width: str = "u64",
    *,
    required: bool = False,
    positive: bool = False,
    effect: Effect = RESTART,
    note: str = "",
    repeat: Repeat = Repeat.first,
) -> Row:
    """A child whose first entry is an integer."""
    return Row(
        name,
        Kind.integer,
        default,
        required,
        repeat=repeat,
        width=width,
        positive=positive,
        effect=effect,
        note=note,
    )


def truth(name: str, default: str, *, effect: Effect = RESTART, note: str = "") -> Row:
    """A child whose first entry is #true or #false."""
    return Row(name, Kind.boolean, default, effect=effect, note=note)


def decimal(name: str, default: str = "", *, required: bool = False, effect: Effect = RESTART) -> Row:
    """A child whose first entry is a float or an integer."""
    return Row(name, Kind.number, default, required, effect=effect)


def several(
    name: str,
    kind: Kind = Kind.strings,
    default: str = "",
    *,
    required: bool = False,
    words: Words | None = None,
    width: str = "u64",
    effect: Effect = RESTART,
    note: str = "",
    repeat: Repeat = Repeat.first,
) -> Row:
    """A child all of whose entries count."""
    return Row(
        name,
        kind,
        default,
        required,
        repeat=repeat,
        words=words,
        width=width,
        effect=effect,
        note=note,
    )


def block(
    name: str,
    block: Block,
    *,
    required: bool = False,
    repeat: Repeat = Repeat.first,
    effect: Effect = RESTART,
    note: str = "",
) -> Row:
    """A child with children of its own."""
    return Row(name, Kind.block, "", required, repeat=repeat, effect=effect, note=note, block=block)
