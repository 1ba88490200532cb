"""Reads the JSON body of a request: an object with known fields of known types, and nothing else."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from flask import request
from werkzeug.exceptions import BadRequest

from reconciler.clock import parse_iso
from reconciler.errors import Refused
from reconciler.strict_json import Unsound, finite, no_constant, unique

DEEPEST = 64
"""Levels of a document. The language has fewer."""


def read_object(fields: Mapping[str, type], *, required: frozenset[str]) -> dict[str, Any]:
    """The body. Raises `Refused` E-API-001 that names what is wrong with it."""
    if request.mimetype != "application/json":
        raise Refused("E-API-001", "the body is not application/json", cure="Send JSON and say so")
    try:
        found = request.get_json()
    except (BadRequest, RecursionError):
        raise Refused("E-API-001", "the body is no JSON", cure="Send an object") from None
    if not isinstance(found, dict):
        raise Refused("E-API-001", "the body is no JSON object", cure="Send an object")
    for name in sorted(set(found) - set(fields)):
        raise Refused(
            "E-API-001", f"there is no field '{name[:60]}'", cure=f"Known are {', '.join(sorted(fields))}"
        )
    for name in sorted(required - set(found)):
        raise Refused("E-API-001", f"the field '{name}' is missing", cure="Send it")
    for name, value in found.items():
        if type(value) is not fields[name]:
            raise Refused(
                "E-API-001",
                f"the field '{name}' has the wrong type",
                cure=f"Send {_TYPES[fields[name]]}",
            )
    return found


def read_document() -> dict[str, Any]:
    """The body: any object in which no key stands twice and every number is one. Raises `Refused` E-API-001."""
    if request.mimetype != "application/json":
        raise Refused("E-API-001", "the body is not application/json", cure="Send JSON and say so")
    try:
        found = json.loads(
            request.get_data(), object_pairs_hook=unique, parse_constant=no_constant, parse_float=finite
        )
    except (ValueError, RecursionError) as error:
        words = str(error) if isinstance(error, Unsound) else "the body is no JSON"
        raise Refused("E-API-001", words, cure="Send an object") from None
    if not isinstance(found, dict):
        raise Refused("E-API-001", "the body is no JSON object", cure="Send an object")
    layer: list[Any] = [found]
    for _ in range(DEEPEST):
        layer = [
            item
            for one in layer
            if isinstance(one, (dict, list))
            for item in (one.values() if isinstance(one, dict) else one)
        ]
        if not layer:
            return found
    raise Refused("E-API-001", f"the body is nested more than {DEEPEST} deep", cure="Send less deep JSON")


def moment(text: str, name: str) -> datetime:
    """A moment in RFC 3339. Raises `Refused` E-API-001."""
    try:
        return parse_iso(text)
    except ValueError:
        raise Refused(
            "E-API-001", f"'{name}' is no moment with an offset from UTC", cure="Write 2026-11-24T20:00:00Z"
        ) from None


def strings(values: list[Any], name: str) -> tuple[str, ...]:
    """A list that holds strings alone. Raises `Refused` E-API-001."""
    if not all(isinstance(value, str) for value in values):
        raise Refused("E-API-001", f"'{name}' is no list of strings", cure="Send strings")
    return tuple(values)


_TYPES = {str: "a string", list: "a list", dict: "an object", bool: "true or false", int: "a whole number"}
