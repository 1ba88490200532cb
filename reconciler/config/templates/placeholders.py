"""Placeholders in templates: `"${param:NAME}"`, a whole string or a part of one."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Any

from reconciler.config.characters import shown
from reconciler.config.kdl import KdlValue
from reconciler.config.report import Problem
from reconciler.config.schema import Field, Slot
from reconciler.config.values import Json, ValueType, invisible

OPENING = "${param:"
LONGEST = 4096
PLACEHOLDER = re.compile(r"\$\{param:([a-z](?:[a-z0-9-]{0,61}[a-z0-9])?)\}")
_OTHER = re.compile(r"\$\{(?!param:|secret:|secret-file:|bundle:)")
"""The beginning of a placeholder that nothing replaces. Outside templates it is text like any other."""


def names_in(value: object) -> tuple[str, ...]:
    """The parameters that a value names, in order; none when it is no string or names none."""
    if not isinstance(value, str) or OPENING not in value:
        return ()
    return tuple(PLACEHOLDER.findall(value))


def whole(value: object) -> str | None:
    """The name when the value is one placeholder and nothing else."""
    match = PLACEHOLDER.fullmatch(value) if isinstance(value, str) else None
    return match[1] if match else None


@dataclass(frozen=True, slots=True)
class Templated:
    """What a slot takes inside a template: what it takes anywhere, or a string with placeholders."""

    inner: ValueType

    @property
    def name(self) -> str:
        return self.inner.name

    @property
    def expected(self) -> str:
        return f'{self.inner.expected}, or "{OPENING}NAME}}"'

    def read(self, value: KdlValue) -> Json | Problem:
        if not isinstance(value, str) or "${" not in value:
            return self.inner.read(value)
        if _OTHER.search(value) is not None:
            return Problem(
                "E-TPL-003",
                f"the placeholder in {shown(value)} is of no kind",
                f'"{OPENING}NAME}}" or "${{secret:NAME}}"',
                "write param: for a parameter, secret: for a secret",
            )
        if OPENING not in value:
            return self.inner.read(value)
        if len(value) > LONGEST:
            return Problem(
                "E-VAL-004", "the string is too long", f"at most {LONGEST} characters", "shorten it"
            )
        if value.count(OPENING) != len(names_in(value)):
            return Problem(
                "E-TPL-003",
                f"the placeholder in {shown(value)} has another form",
                f'"{OPENING}NAME}}"',
                "a parameter's name has lower-case letters, digits and hyphens, and } behind it",
            )
        return invisible(value) or value

    def json_schema(self) -> dict[str, Any]:
        return {"anyOf": [self.inner.json_schema(), {"type": "string", "pattern": PLACEHOLDER.pattern}]}


def templated(field: Field) -> Field:
    """The field with all its values, at every depth, taking placeholders."""
    return replace(
        field,
        arguments=tuple(_slot(slot) for slot in field.arguments),
        rest=_slot(field.rest) if field.rest else None,
        properties=tuple(_slot(slot) for slot in field.properties),
        children=tuple(templated(child) for child in field.children),
    )


def _slot(slot: Slot) -> Slot:
    return replace(slot, type=Templated(slot.type))
