"""What a kind, a field's place in it, or a code means, as text for a terminal."""

from __future__ import annotations

from collections.abc import Iterator
from textwrap import indent

from reconciler.config.codes import CODES
from reconciler.config.kinds import KINDS
from reconciler.config.resources import TEMPLATE
from reconciler.config.schema import Field, Kind
from reconciler.config.templates.builtin import BUILTIN, SOURCES
from reconciler.config.templates.calls import Template
from reconciler.config.templates.parameters import Parameter
from reconciler.config.write import write_value


def explain(topic: str) -> str | None:
    """The explanation of a kind's name, of a built-in template or of a code, or None when it is none of them."""
    code = CODES.get(topic.upper())
    if code is not None:
        return f"{code.code}  {code.title}\n\n{code.meaning}\n{code.cure}\n"
    if topic in BUILTIN:
        return _template(BUILTIN[topic])
    kind = KINDS.get(topic)
    if kind is None:
        return None
    return _kind(kind) + (_templates() if topic == TEMPLATE else "")


def topics() -> list[str]:
    """Everything that can be explained: kinds, then built-in templates, then codes."""
    return [*KINDS, *BUILTIN, *CODES]


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


def _templates() -> str:
    """The built-in templates with their parameters."""
    lines = [
        "",
        "Built in, each with its parameters (sentinelctl explain NAME shows one as it is written):",
        "",
    ]
    for template in BUILTIN.values():
        lines.append(f"  {template.name}: {template.description}")
        lines += [f"      {line}" for line in parameter_lines(template)]
    return "\n".join(lines) + "\n"


def _template(template: Template) -> str:
    source = SOURCES[template.name]
    return (
        f"{template.name}: {template.description}\n\nA service that is made from it:\n\n"
        f"{indent(source.example, '    ')}\n"
        + "\n".join(parameter_lines(template))
        + f"\n\nThe template, which a project may copy under another name and change:\n\n"
        f"{indent(source.text, '    ')}"
    )


def parameter_lines(template: Template) -> list[str]:
    """One line for each parameter: name, type, whether it has to be given, meaning."""
    return [
        f"{p.name} [{p.takes}, {default_of_parameter(p)}]  {p.description}"
        for p in template.parameters("").values()
    ]


def default_of_parameter(parameter: Parameter) -> str:
    """Whether a parameter has to be given, and what it is otherwise."""
    if parameter.required:
        return "required"
    if not parameter.default:
        return "optional"
    return "default " + " ".join(write_value(value) for value in parameter.default)


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
