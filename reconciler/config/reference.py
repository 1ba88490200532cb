"""The language reference and the pages of codes, made from the schema and the table of codes."""

from __future__ import annotations

from collections.abc import Iterator

from reconciler.config import limits
from reconciler.config.codes import CODES, Code
from reconciler.config.explaining import default_of, type_of
from reconciler.config.installation import INSTALLATION
from reconciler.config.kinds import KINDS
from reconciler.config.markdown import cell, fenced
from reconciler.config.reference_templates import MADE_FROM_TEMPLATE, template_page, templates_section
from reconciler.config.resources import TEMPLATE
from reconciler.config.schema import Field, Kind, Slot
from reconciler.config.templates.builtin import BUILTIN

GENERATED = "This page is generated from the schema in `reconciler/config/`.\n"


def render_reference() -> dict[str, str]:
    """Path below the repository's root → text, of every page."""
    pages = {"docs/language/README.md": _overview(), "docs/language/control-plane.md": _installation()}
    for kind in KINDS.values():
        pages[f"docs/language/{kind.name}.md"] = _kind_page(kind)
    for name in BUILTIN:
        pages[f"docs/language/templates/{name}.md"] = template_page(BUILTIN[name])
    pages["docs/errors/config.md"] = _codes_page(
        "Config language",
        "Findings about a project's `*.kdl` files and about `control-plane.kdl`.",
        lambda code: not code.code[1:].startswith("-CMP-"),
    )
    pages["docs/errors/compile.md"] = _codes_page(
        "Compilation",
        "Findings about what is effective in an environment.",
        lambda code: code.code[1:].startswith("-CMP-"),
    )
    return pages


def _codes_page(title: str, about: str, wanted: object) -> str:
    assert callable(wanted)  # noqa: S101 - for the type checker
    parts = [f"# {title}\n\n{about}\nThis page is generated from `reconciler/config/codes.py`.\n"]
    parts += [_code(code) for code in CODES.values() if wanted(code)]
    return "\n".join(parts)


def _code(code: Code) -> str:
    return f"### {code.code} {code.title}\n{code.meaning}\n{code.cure}\n"


def _overview() -> str:
    rows = "\n".join(f"| [{k.name}]({k.name}.md) | {cell(k.field.doc)} |" for k in KINDS.values())
    return f"""# The config language

{GENERATED}
A project is one folder of a git repository. Every file in it that ends in `.kdl` is read; folders are habit, not meaning,
and the order of files and lines changes nothing. Files are [KDL](https://kdl.dev) version 2: truth values are `#true` and
`#false`, strings stand in quotes (a single word may do without), raw strings are `#"…"#`, comments `//`, `/* */` and `/-`.

```kdl
kind "name" {{
    field "value"
    block {{
        field 5
    }}
}}
```

| kind | what it is |
|---|---|
{rows}

The server configuration has a schema of its own: [control-plane.kdl](control-plane.md). Codes of findings are explained in
[config](../errors/config.md) and [compile](../errors/compile.md), or by `sentinelctl explain CODE`. What becomes of a project
is described in [compilation](compilation.md); a project's own rules, files beside the language and secrets are in
[rules](rules.md).

## Strictness

An unknown kind, field, property or value, a wrong type, a missing or repeated field and a name that stands for nothing are
each a finding with file, line, column, code, what was expected and a hint. All findings of a commit are shown at once, up
to {limits.FINDINGS_IN_FILE} of a file. A commit with an error makes no bundle and changes no environment.

## Different in an environment

Inside a resource of any kind but `project` and `environment`:

- `for "production" {{ … }}`: a field named there replaces every field of that name. Several environments may be named at
  once; each stands in one `for` at most.
- `remove "attempts"` inside a `for` drops a field there.
- `only "dev" "staging"` limits the whole resource to these environments.

```kdl
upstream "orders" {{
    target "10.20.1.11:8000"
    target "10.20.1.12:8000"
    for "dev" {{
        target "127.0.0.1:8000"
    }}
}}
```

Every bundle carries the rendering of all environments, so what is promoted is what was reviewed.

## Values

| value | form |
|---|---|
| duration | one integer and one unit in a string, without a space: `"500ms"`, `"30s"`, `"5m"`, `"24h"`, `"7d"`. The proxy counts whole seconds, so `"1500ms"` is refused and `"2000ms"` is the same as `"2s"` |
| name | a lower-case letter, then letters, digits and hyphens, at most 63 characters; not beginning with `sentinel` |
| flag | `#true` or `#false` |
| several values | behind one another, or in several lines of the same field; their order means nothing |

## Limits

| what | at most |
|---|---|
| one file | {limits.FILE_BYTES // 1024} KiB, {limits.NODES_IN_FILE} nodes, {limits.DEPTH} levels |
| all files | {limits.FILES} files, {limits.TOTAL_BYTES // 1024 // 1024} MiB, {limits.NODES_IN_TREE} nodes |
| environments | {limits.ENVIRONMENTS} |
| digits of a number | {limits.DIGIT_RUN - 1} |
"""  # noqa: E501 - the text of a page


def _kind_page(kind: Kind) -> str:
    parts = [f"# {kind.name}\n\n{kind.field.doc}\n\n{GENERATED}", fenced(kind.field.example)]
    if kind.single:
        parts.append("Exactly one stands in a project.\n")
    parts.append(f"The name: {kind.field.arguments[0].type.expected}.\n")
    parts.extend(_tables(kind.field, "", 2))
    if kind.name == TEMPLATE:
        parts.append(templates_section())
    if kind.name == "service":
        parts.append(MADE_FROM_TEMPLATE)
    if kind.overridable:
        parts.append(
            "`for`, `remove` and `only` are explained in the [overview](README.md#different-in-an-environment).\n"
        )
    return "\n".join(parts)


def _installation() -> str:
    parts = [
        f"# control-plane.kdl\n\n{INSTALLATION.doc} Keys and secrets are named by URI and never stand in it.\n\n"
        + GENERATED
    ]
    for field in INSTALLATION.children:
        parts.append(f"## {field.name}\n\n{field.doc}\n")
        parts.append(fenced(field.example))
        parts.extend(_tables(field, "", 3))
    return "\n".join(parts)


def _code_cell(text: str) -> str:
    return f"`{cell(text)}`" if text else ""


def _tables(field: Field, path: str, level: int) -> Iterator[str]:
    """The table of a block's fields, then those of the blocks in it."""
    if path:
        yield f"{'#' * level} {path}\n\n{field.doc}{' ' + field.note if field.note else ''}\n"
        if field.example:
            yield fenced(field.example)
        level = min(level + 1, 5)
    slots = [*(field.arguments if path else ()), *((field.rest,) if field.rest else ()), *field.properties]
    if path and slots:
        yield (
            "| value | type | default | meaning |\n|---|---|---|---|\n"
            + "\n".join(map(_slot_row, slots))
            + "\n"
        )
    if field.elsewhere:
        page = f"[{field.elsewhere}]({field.elsewhere}.md)"
        if field.elsewhere == "service":
            yield f"Its fields are those of {page}.\n"
        else:
            yield f"Its blocks are those of {page}, and every field in them may be left out.\n"
        return
    if field.children:
        rows = "\n".join(_row(child) for child in field.children)
        yield f"| field | type | default | meaning |\n|---|---|---|---|\n{rows}\n"
    for child in field.children:
        plain = child.is_scalar or child.is_list
        if not plain:
            yield from _tables(child, f"{path} {child.name}".strip() if path else child.name, level)


def _slot_row(slot: Slot) -> str:
    default = "" if slot.default is None else f"`{slot.default}`"
    expected = cell(slot.type.expected)
    return f"| {slot.name} | {slot.type.name} | {default} | {cell(slot.doc)}; {expected} |"


def _row(field: Field) -> str:
    default = "required" if field.required else _code_cell(default_of(field))
    repeated = " May be repeated." if field.repeatable else ""
    expected = ""
    slot = field.arguments[0] if field.is_scalar else field.rest if field.is_list else None
    if slot is not None:
        expected = f" Takes {slot.type.expected}."
        if field.example:
            expected += f" {_code_cell(field.example)}"
    note = f" {field.note}" if field.note and slot is not None else ""
    holds = field.arguments or field.properties or field.children or field.rest or field.verbatim
    kind = cell(type_of(field)) or "values" if holds else "no value"
    return (
        f"| `{field.name}` | {kind} | {default} | {cell(field.doc)}{cell(expected)}{repeated}{cell(note)} |"
    )
