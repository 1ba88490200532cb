"""Types of paths to other files of the repository, relative to the project's folder."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from reconciler.config.characters import shown
from reconciler.config.kdl import KdlValue
from reconciler.config.report import Problem
from reconciler.config.source import ATTACHED
from reconciler.config.values import Json, Pattern

_FORM = Pattern(
    name="path",
    pattern=r"[A-Za-z0-9._@+-]+(?:/[A-Za-z0-9._@+-]+)*",
    expected="a path from the project's folder, such as 'certificates/shop.pem'",
    hint="write it with '/', without spaces, from the folder that project.kdl is in",
    maximum=500,
)


@dataclass(frozen=True, slots=True)
class RepositoryPath:
    """The path of a file with one of a few endings. That it exists is checked when the whole tree is known."""

    suffixes: tuple[str, ...]
    name: str = "path"

    @property
    def expected(self) -> str:
        return f"a path from the project's folder that ends in {' or '.join(self.suffixes)}"

    def read(self, value: KdlValue) -> Json | Problem:
        result = _FORM.read(value)
        if isinstance(result, Problem):
            return result
        if any(part in (".", "..") for part in str(value).split("/")):
            return Problem(
                "E-VAL-004",
                f"{shown(str(value))} has a step that leads nowhere or out",
                self.expected,
                _FORM.hint,
            )
        if not str(value).endswith(self.suffixes):
            hint = f"only files that end in {', '.join(ATTACHED)} are read beside *.kdl"
            return Problem("E-VAL-004", f"{shown(str(value))} has another ending", self.expected, hint)
        return value

    def json_schema(self) -> dict[str, Any]:
        return {"type": "string", "pattern": f"^{_FORM.pattern}$", "maxLength": _FORM.maximum}
