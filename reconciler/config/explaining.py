"""What a kind, a field's place in it, or a code means, as text for a terminal."""

from __future__ import annotations

from collections.abc import Iterator

from reconciler.config.codes import CODES
from reconciler.config.kinds import KINDS
from reconciler.config.schema import Field, Kind


def explain(topic: str) -> str | None:
    """The explanation of a kind's name or of a code, or None when it is neither."""
    code = CODES.get(topic.upper())
    if code is not None:
        return f"{code.code}  {code.title}\n\n{code.meaning}\n{code.cure}\n"
    kind = KINDS.get(topic)
    return _kind(kind) if kind is not None else None


def topics() -> list[str]:
    """Everything that can be explained: kinds, then codes."""
    return [*KINDS, *CODES]


def _kind(kind: Kind) -> str:
    lines = [
        f"{kind.name}: {kind.field.doc}",
        "",
        *(f"    {line}" for line in kind.field.example.splitlines()),
        "",
    ]
    lines.extend(_fields(kind.field, 0))
    if kind.overridable:
        lines += [
            "",
            'for "ENVIRONMENT" { … } replaces fields there; remove "FIELD" inside it drops one;',
            'only "ENVIRONMENT" … limits the resource.',
        ]
    return "\n".join(lines) + "\n"


def _fields(field: Field, depth: int) -> Iterator[str]:
    indent = "  " * depth
    for child in field.children:
        yield f"{indent}{child.name}{traits(child)}"
        yield f"{indent}    {child.doc}"
        if child.elsewhere:
            yield f"{indent}    Its blocks: sentinelctl explain {child.elsewhere}"
        else:
            yield from _fields(child, depth + 2)


def type_of(field: Field) -> str:
    """The types of a field's values in words; empty for a plain block."""
    parts = [slot.type.name for slot in field.arguments]
    if field.rest is not None:
        parts.append(f"{field.rest.type.name} …")
    parts += [f"{slot.name}={slot.type.name}" for slot in field.properties]
    if field.children:
        parts.append("block")
    return " ".join(parts)


def default_of(field: Field) -> str:
    """The default of a field as it would be written, or nothing."""
    if field.default is None or field.children:
        return ""
    if isinstance(field.default, bool):
        return "#true" if field.default else "#false"
    return f'"{field.default}"' if isinstance(field.default, str) else str(field.default)


def traits(field: Field) -> str:
    """Type, requiredness, default and whether it may be repeated, in brackets."""
    found = [type_of(field)]
    if field.required:
        found.append("required")
    if default_of(field):
        found.append(f"default {default_of(field)}")
    if field.repeatable:
        found.append("may be repeated")
    return f"  [{', '.join(found)}]"
