"""The parameters of a template: their types, and what each says of itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from reconciler.config.durations import Duration
from reconciler.config.headers import HEADER_NAME, HEADER_VALUE
from reconciler.config.network import HOST, METHOD, PATH, REGEX
from reconciler.config.sizes import Size
from reconciler.config.traffic import FILE_NAME, FOLDER
from reconciler.config.values import Flag, Integer, Json, Reference, Text, ValueType

REFERABLE = ("upstream", "middleware", "auth-policy", "waf-policy")
"""Kinds that a service names."""

TYPES: Mapping[str, ValueType] = MappingProxyType(
    {
        "text": Text(),
        "integer": Integer(0, 10**15),
        "flag": Flag(),
        "duration": Duration("1s", "24h"),
        "size": Size("1B", "1GiB"),
        "host": HOST,
        "path": PATH,
        "regex": REGEX,
        "method": METHOD,
        "header-name": HEADER_NAME,
        "header-value": HEADER_VALUE,
        "folder": FOLDER,
        "file-name": FILE_NAME,
        **{kind: Reference(kind) for kind in REFERABLE},
    }
)
"""What a parameter may take. The field in which its placeholder stands judges the value once more."""


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter. `default` holds one value, or several of a list; it is empty when there is none."""

    name: str
    type: str
    description: str
    required: bool
    default: tuple[Json, ...]
    many: bool

    @property
    def takes(self) -> str:
        """Its type in words, for tables and messages."""
        return f"{self.type} …" if self.many else self.type


def parameters_of(data: Mapping[str, Any]) -> dict[str, Parameter]:
    """The parameters in a template's data, which has to be sound."""
    found = {}
    for item in data.get("parameter", ()):
        default = tuple(item.get("default", ()))
        found[item["name"]] = Parameter(
            item["name"],
            item["type"],
            item.get("description", ""),
            item.get("required", not default),
            default,
            item["list"],
        )
    return found
