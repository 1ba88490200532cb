"""The kind `plugin`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from reconciler.config.report import Problem
from reconciler.config.repository_path import RepositoryPath
from reconciler.config.schema import Complaint, kind, scalar
from reconciler.config.values import Choice, Pattern, Text

ENDINGS = {"wasm": ".wasm", "lua": ".lua"}
SHA256 = Pattern(
    name="digest",
    pattern="[0-9a-f]{64}",
    expected="64 lower-case hex digits, the file's SHA-256",
    hint="sha256sum FILE prints it",
    maximum=64,
)


def _check(data: Mapping[str, Any]) -> tuple[Complaint, ...]:
    ending = ENDINGS.get(data.get("type", ""))
    file = data.get("file")
    if ending is None or file is None or file.endswith(ending):
        return ()
    problem = Problem(
        "E-VAL-009",
        f"a {data['type']} plugin is no {file[file.rindex('.') :]} file",
        f"a {ending} file",
        "correct one of the two",
    )
    return (Complaint(("file",), problem, file),)


KIND = kind(
    "plugin",
    "A file of code for an agent that runs plugins. The file is part of the repository; its digest, when "
    "it is written down, has to match. Bundles carry it as plugins/NAME.wasm or plugins/NAME.lua for the "
    "environments in which a service uses a custom middleware that names it.",
    (
        scalar("description", Text(), "What it does.", 'description "Adds the country"'),
        scalar("type", Choice(("wasm", "lua")), "What the file is.", 'type "wasm"', required=True),
        scalar(
            "file",
            RepositoryPath(tuple(ENDINGS.values())),
            "The file.",
            'file "plugins/geo.wasm"',
            required=True,
        ),
        scalar(
            "sha256",
            SHA256,
            "The file's digest, so that a changed file is a change of this line.",
            'sha256 "…"',
        ),
    ),
    example='plugin "geo" {\n    type "wasm"\n    file "plugins/geo.wasm"\n}',
    check=_check,
)
