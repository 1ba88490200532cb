"""JSON Schemas of rules: the part of draft 2020-12 whose work is bounded by the sizes of schema and data.

References are left out, because they can go in circles and multiply; so are keywords that compare every item with every
other, and those that look at siblings again. Patterns are searched in linear time. Nothing is ever fetched.
"""

from __future__ import annotations

import json
from functools import lru_cache
from typing import Any

from reconciler.config.rules.linear import Expression, TooLarge
from reconciler.config.rust_regex import regex_problem
from reconciler.config.suggest import nearest

MAX_BYTES = 16 * 1024
MAX_DEPTH = 20
MAX_KEYWORDS = 500

_ONE = frozenset({"additionalProperties", "propertyNames", "items", "contains", "not", "if", "then", "else"})
_LIST = frozenset({"allOf", "anyOf", "oneOf", "prefixItems"})
_NAMED = frozenset({"properties", "patternProperties", "dependentSchemas"})
_PLAIN = frozenset(
    {
        "$schema",
        "$comment",
        "title",
        "description",
        "default",
        "examples",
        "type",
        "enum",
        "const",
        "required",
        "minProperties",
        "maxProperties",
        "minItems",
        "maxItems",
        "minContains",
        "maxContains",
        "minLength",
        "maxLength",
        "pattern",
        "minimum",
        "maximum",
        "exclusiveMinimum",
        "exclusiveMaximum",
        "multipleOf",
        "dependentRequired",
    }
)
KEYWORDS = _ONE | _LIST | _NAMED | _PLAIN


class BadSchema(ValueError):
    """The text is no schema that can be used. The message completes "the schema …"; `hint` says what to write."""

    def __init__(
        self, message: str, hint: str = "write it in the part of JSON Schema that the reference names"
    ) -> None:
        super().__init__(message)
        self.hint = hint


def load(text: str) -> Any:
    """The schema in a text. Raises BadSchema."""
    if len(text.encode()) > MAX_BYTES:
        raise BadSchema(f"has more than {MAX_BYTES} bytes", "make several rules of it")
    try:
        schema = json.loads(text, object_pairs_hook=_once, parse_constant=_refuse_constant)
    except RecursionError:
        raise BadSchema(f"is nested deeper than {MAX_DEPTH}") from None
    except BadSchema:
        raise
    except ValueError as error:
        place = f" at character {error.pos + 1}" if isinstance(error, json.JSONDecodeError) else ""
        raise BadSchema(f"is not JSON{place}", 'put it into a raw string: #"{ … }"#') from None
    _look(schema, [MAX_KEYWORDS], 1)
    # Loaded here: what it brings along may take seconds, and every process of ours would spend them at its start.
    from jsonschema import Draft202012Validator, SchemaError

    try:
        Draft202012Validator.check_schema(schema)
    except SchemaError as error:
        where = "/".join(map(str, error.absolute_path)) or "its top"
        raise BadSchema(f"is not valid at {where[:80]}", "compare with JSON Schema 2020-12") from None
    return schema


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise BadSchema("has a key twice in one object", "remove one of the two")
    return found


def _refuse_constant(word: str) -> Any:
    raise BadSchema(f"holds {word}, which is not JSON", "write a number")


def _look(schema: Any, left: list[int], depth: int) -> None:
    """Walk over all subschemas. Raises BadSchema for what is not in KEYWORDS, too deep, too much, or a bad pattern."""
    if isinstance(schema, bool):
        return
    if not isinstance(schema, dict):
        raise BadSchema("has something else than an object or a truth value where a schema belongs")
    if depth > MAX_DEPTH:
        raise BadSchema(f"is nested deeper than {MAX_DEPTH}", "make several rules of it")
    for keyword, value in schema.items():
        left[0] -= 1
        if left[0] < 0:
            raise BadSchema(f"has more than {MAX_KEYWORDS} keywords", "make several rules of it")
        if keyword not in KEYWORDS:
            near = nearest(keyword, KEYWORDS)
            hint = (
                f"did you mean '{near}'?"
                if near
                else "remove it; the reference names the keywords that can be used"
            )
            if keyword in ("$ref", "$dynamicRef", "$defs"):
                hint = "write the part out: references are not followed"
            raise BadSchema(f"has the keyword '{keyword[:40]}', which is not used here", hint)
        if keyword == "pattern":
            expression(value)
        elif keyword in _ONE:
            _look(value, left, depth + 1)
        elif keyword in _LIST and isinstance(value, list):
            for item in value:
                _look(item, left, depth + 1)
        elif keyword in _NAMED and isinstance(value, dict):
            for name, item in value.items():
                if keyword == "patternProperties":
                    expression(name)
                _look(item, left, depth + 1)


@lru_cache(maxsize=256)
def _expression(pattern: str) -> Expression:
    return Expression(pattern)


def expression(pattern: Any) -> Expression:
    """The expression for a schema's pattern. Raises BadSchema when it is none that can be searched for."""
    if not isinstance(pattern, str) or len(pattern) > 1000:
        raise BadSchema("has a pattern that is no string of at most 1000 characters")
    trouble = regex_problem(pattern)
    if trouble is not None:
        raise BadSchema(f"has a pattern that {trouble[0]}", trouble[1])
    try:
        return _expression(pattern)
    except TooLarge:
        raise BadSchema("has a pattern that is too large", "use * or +, or smaller counts") from None
