"""Codes of templates. Part of the table in `codes.py`."""

from __future__ import annotations

from reconciler.config.code import Code

TEMPLATE_CODES: tuple[Code, ...] = (
    Code(
        "E-TPL-001",
        "Parameter that is not used",
        "A template declares a parameter that no line of it names, in any environment: what a service gives for it "
        "would do nothing.",
        'Write "${param:NAME}" where its value belongs, or remove it.',
    ),
    Code(
        "E-TPL-002",
        "No such parameter",
        "A placeholder in a template names a parameter that the template does not declare.",
        "Correct the name, or declare the parameter.",
    ),
    Code(
        "E-TPL-003",
        "Placeholder of another form, or in another place",
        'A placeholder is written "${param:NAME}", alone in its string or in a longer one, and means something only '
        "in the service of a template.",
        "Correct it, or write the value.",
    ),
    Code(
        "E-TPL-004",
        "Several values where one stands",
        "A parameter with `list #true` may have several values, so its placeholder stands alone in its string, in a "
        "field that takes several. A parameter without it has one default at most.",
        "Take `list` away, or name the parameter where several values may stand.",
    ),
    Code(
        "E-TPL-005",
        "Parameter that the template does not have",
        "A service gives a value for a parameter that its template does not declare.",
        "Correct the name; `sentinelctl explain template` lists the built-in templates with their parameters.",
    ),
    Code(
        "E-TPL-006",
        "Parameter missing",
        "A service does not give a parameter that its template requires.",
        "Add the line that the hint has.",
    ),
    Code(
        "E-TPL-007",
        "Templates make too much",
        "All services that are made from templates have more lines, or longer strings, than a tree may hold.",
        "Make the template smaller, or split the repository into projects.",
    ),
)
