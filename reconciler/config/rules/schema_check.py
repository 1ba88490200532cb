"""Holding a JSON form against a rule's schema, with every keyword's work counted against a budget."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from reconciler.config.rules.linear import Budget
from reconciler.config.rules.schemas import KEYWORDS, expression

if TYPE_CHECKING:
    from jsonschema import ValidationError
    from jsonschema.protocols import Validator


def first_mistake(validator: Validator, form: Any) -> tuple[tuple[str, ...], str, Any] | None:
    """Path, description and value of the first thing about the JSON form that the schema refuses; None when there is
    none. The value is None when it is no single one.

    The description names keywords and paths, never values. Raises OutOfBudget.
    """
    error = next(iter(validator.iter_errors(form)), None)
    if error is None:
        return None
    path = tuple(str(step) for step in error.absolute_path if isinstance(step, str))
    where = ".".join(path) or "the resource"
    if error.validator == "required":
        wanted = error.validator_value
        absent = [n for n in wanted if n not in _object_of(error)] if isinstance(wanted, list) else []
        return path, f"{where} lacks {', '.join(map(repr, absent[:3]))}", None
    value = error.instance if isinstance(error.instance, str | int) else None
    return path, f"{where} does not satisfy '{error.validator}'", value


def _object_of(error: ValidationError) -> Mapping[str, Any]:
    """The object that the error is about; an empty one when it is about something else."""
    return error.instance if isinstance(error.instance, dict) else {}


def validator_of(schema: Any, budget: Budget) -> Validator:
    """What holds JSON forms against a schema that `load` gave, spending from the budget."""
    # Loaded here for the reason that `schemas.load` gives.
    from jsonschema import Draft202012Validator, ValidationError
    from jsonschema.validators import extend

    def pattern(_: Validator, value: str, instance: Any, __: Any) -> Iterator[ValidationError]:
        if isinstance(instance, str) and not expression(value).found_in(instance, budget):
            yield ValidationError("it does not match the pattern")

    def by_pattern(
        validator: Any, value: Mapping[str, Any], instance: Any, _: Any
    ) -> Iterator[ValidationError]:
        if isinstance(instance, dict):
            for name, schema in value.items():
                for key, item in instance.items():
                    if expression(name).found_in(key, budget):
                        yield from validator.descend(item, schema, path=key, schema_path=name)

    def additional(
        validator: Any, value: Any, instance: Any, schema: Mapping[str, Any]
    ) -> Iterator[ValidationError]:
        if not isinstance(instance, dict):
            return
        patterns = [expression(name) for name in schema.get("patternProperties", ())]
        for key, item in instance.items():
            if key in schema.get("properties", ()) or any(p.found_in(key, budget) for p in patterns):
                continue
            if value is False:
                yield ValidationError("it has a field too many", path=[key])
            elif value is not True:
                yield from validator.descend(item, value, path=key)

    counted = {
        name: _counted(check, budget)
        for name, check in {
            **Draft202012Validator.VALIDATORS,
            "pattern": pattern,
            "patternProperties": by_pattern,
            "additionalProperties": additional,
        }.items()
        if name in KEYWORDS
    }
    made: type[Validator] = extend(Draft202012Validator, validators=counted)  # type: ignore[no-untyped-call]
    return made(schema)


def _counted(check: Any, budget: Budget) -> Any:
    """The check of a keyword, which costs a step for itself and one for each item it may look at."""

    def counting(validator: Validator, value: Any, instance: Any, schema: Any) -> Any:
        budget.spend(10 + (len(instance) if isinstance(instance, list | dict) else 0))
        return check(validator, value, instance, schema)

    return counting
