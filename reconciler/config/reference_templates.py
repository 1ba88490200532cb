"""The pages of templates: what the language reference says of them, and one page for each that is built in."""

from __future__ import annotations

from reconciler.config.explaining import default_of_parameter
from reconciler.config.markdown import cell, fenced
from reconciler.config.templates.builtin import BUILTIN, SOURCES
from reconciler.config.templates.calls import Template
from reconciler.config.templates.parameters import TYPES, Parameter

MADE_FROM_TEMPLATE = """## template

A service may be made from a [template](template.md), one that the project writes or a built-in one:

```kdl
service "orders" {
    template "rest-api" {
        hosts "api.shop.example"
        upstream "orders"
    }
    attempts 2
    remove "response-headers"
    for "dev" {
        template "rest-api" {
            hosts "orders.dev.example"
            upstream "orders"
        }
    }
}
```

The lines in the block are the template's parameters. What the service says beside it wins, name by name: a field there
replaces every field of that name that the template gives, and `remove` drops one. A `for` block wins over both, and may
name the template with other values, or another template; `remove "template"` in it does without.

Checks, rules, the graph and the compilation see the service that comes out. A finding about it is shown where its token
stands, in the service or in the template, and names the other of the two.
"""


def templates_section() -> str:
    """What the page of the kind says behind its fields."""
    rows = "\n".join(
        f"| [{t.name}](templates/{t.name}.md) | {cell(t.description)} | "
        + ", ".join(f"`{p.name}`" for p in t.parameters("").values())
        + " |"
        for t in BUILTIN.values()
    )
    return f"""## Types of parameters

| type | takes |
|---|---|
{chr(10).join(f"| {name} | {cell(type.expected)} |" for name, type in TYPES.items())}

## Placeholders

`"${{param:NAME}}"` alone in its string stands for the value, whatever its type; in a longer string it stands for its
text. The value is put where the placeholder is and is judged by the field it stands in: nothing in it can become a line
or a block. A parameter with `list #true` puts all its values into a field that takes several.

A line whose parameter has no value is left out. A block that cannot be without the line is left out with it, and so is
one that keeps no line at all: with `required #false` and no default a parameter turns a part of the service on.

A template cannot be made from another one.

## Built in

| template | what it makes | parameters |
|---|---|---|
{rows}
"""


def template_page(template: Template) -> str:
    """The page of a built-in template."""
    source = SOURCES[template.name]
    rows = "\n".join(
        f"| `{p.name}` | {p.takes} | {_defaultcell(p)} | {cell(p.description)} |"
        for p in template.parameters("").values()
    )
    made = "This page is generated from `reconciler/config/templates/builtin/`.\n"
    return (
        f"# {template.name}\n\n{template.description}\n\n{made}\n{fenced(source.example.rstrip())}\n"
        f"| parameter | type | default | meaning |\n|---|---|---|---|\n{rows}\n\n"
        "The template itself, which a project may copy under another name and change:\n\n"
        f"{fenced(source.text.rstrip())}\n"
        "[All templates](../template.md)\n"
    )


def _defaultcell(parameter: Parameter) -> str:
    text = default_of_parameter(parameter)
    return f"`{cell(text.removeprefix('default '))}`" if text.startswith("default ") else text
