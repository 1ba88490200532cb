"""What one rule objects to in one resource as it is effective somewhere."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from reconciler.config.characters import shown
from reconciler.config.leaves import leaves
from reconciler.config.resources import Resource
from reconciler.config.rules.linear import Budget
from reconciler.config.rules.schema_check import first_mistake
from reconciler.config.rules.schemas import expression

if TYPE_CHECKING:
    from jsonschema.protocols import Validator


@dataclass(frozen=True, slots=True)
class Violation:
    """What a rule objects to in a resource, at a field and one of its values."""

    code: str
    path: tuple[str, ...]
    message: str
    expected: str
    value: Any = None


@dataclass(frozen=True, slots=True)
class Target:
    """A resource as it is effective in some environments; in all, or apart from them, when there are none."""

    resource: Resource
    data: Mapping[str, Any]
    environments: tuple[str, ...]

    @property
    def form(self) -> dict[str, Any]:
        return {"kind": self.resource.kind.name, "name": self.resource.name, **self.data}


def violations_of(
    data: Mapping[str, Any], validator: Validator | None, target: Target, budget: Budget
) -> Iterator[Violation]:
    """What a rule's data objects to in a resource; `validator` is that of its schema, or None.

    Raises OutOfBudget, and BadSchema for an expression that is too large.
    """
    kind, name = target.resource.key
    called = f"the {kind} '{name}'"
    budget.spend(10)
    for path in data.get("require", ()):
        if next(_at(target.form, path.split(".")), None) is None:
            yield Violation("E-RUL-001", (), f"{called} lacks '{path}'", f"'{path}'")
    if "forbid" in data or "allow" in data:
        yield from _patterns(data, target, budget)
    if "max-bytes" in data:
        size = len(json.dumps(target.form, ensure_ascii=False, separators=(",", ":")).encode())
        budget.spend(size // 10)
        if size > data["max-bytes"]:
            expected = f"at most {data['max-bytes']}"
            yield Violation("E-RUL-004", (), f"{called} has {size} bytes in its JSON form", expected)
    if validator is not None:
        mistake = first_mistake(validator, target.form)
        if mistake is not None:
            path, what, value = mistake
            yield Violation("E-RUL-005", path, f"{called}: {what}", "what the rule's schema describes", value)


def _patterns(data: Mapping[str, Any], target: Target, budget: Budget) -> Iterator[Violation]:
    values = [leaf for leaf in leaves(target.resource.kind.field, target.data) if isinstance(leaf.value, str)]
    budget.spend(len(values))
    for forbidden, verb in ((True, "forbid"), (False, "allow")):
        for item in data.get(verb, ()):
            wanted = tuple(item["field"].split(".")) if "field" in item else ()
            search = expression(item["pattern"])
            if not wanted or wanted == ("name",):
                found = search.found_in(target.resource.name, budget)
                if found is forbidden:
                    yield _mismatch(forbidden, (), "its name", None, item["pattern"])
            for leaf in values:
                if leaf.path[: len(wanted)] == wanted and search.found_in(leaf.value, budget) is forbidden:
                    what = f"{shown(leaf.value)} in '{'.'.join(leaf.path)}'"
                    yield _mismatch(forbidden, leaf.field, what, leaf.value, item["pattern"])


def _mismatch(forbidden: bool, path: tuple[str, ...], what: str, value: Any, pattern: str) -> Violation:
    if forbidden:
        return Violation("E-RUL-002", path, f"{what} is forbidden", f"no match of {shown(pattern)}", value)
    return Violation("E-RUL-003", path, f"{what} is not allowed", f"a match of {shown(pattern)}", value)


def _at(value: Any, path: list[str]) -> Iterator[Any]:
    """Every value at a path of names, in all items of the lists on the way."""
    if isinstance(value, list):
        for item in value:
            yield from _at(item, path)
    elif not path:
        if value is not None:
            yield value
    elif isinstance(value, Mapping):
        yield from _at(value.get(path[0]), path[1:])
