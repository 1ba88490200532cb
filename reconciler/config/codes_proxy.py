"""Codes of native parts, which are resources of the kind proxy. Part of the table in `codes.py`."""

from __future__ import annotations

from reconciler.config.code import Code

PROXY_CODES: tuple[Code, ...] = (
    Code(
        "E-CMP-040",
        "Native part with a name that is taken",
        "A listener, route, upstream, filter or agent of a proxy resource has the name of another resource of the "
        "environment, or a name with a dot that begins with the name of a service or middleware: such names are for "
        "what they become.",
        "Rename one of the two.",
    ),
    Code(
        "E-CMP-041",
        "Settings given twice",
        "A block that holds for the whole proxy (system, waf, limits, cache, rate-limits, observability) is given by "
        "two proxy resources, or by a proxy resource and a middleware or policy that needs it.",
        "Keep one of the two, or put the settings into one.",
    ),
    Code(
        "E-CMP-042",
        "Native part of what is reserved",
        "A name that begins with 'sentinel', the metrics and auto-reload are the control plane's: it finds out by them "
        "what a proxy runs, and decides when it reloads.",
        "Remove the line, or choose another name.",
    ),
    Code(
        "E-CMP-044",
        "Service without a destination",
        "A service names middlewares and neither an upstream nor anything else that answers, and none of the "
        "middlewares redirects.",
        "Add an upstream, or whatever else should become of its requests.",
    ),
    Code(
        "E-CMP-091",
        "Import that would change something",
        "What sentinelctl import made of a configuration compiles to something that does not do the same. It should "
        "never happen, and nothing is written.",
        "Report the configuration.",
    ),
    Code(
        "E-CMP-043",
        "No such native filter",
        "A middleware of type native names a filter that no proxy resource of the environment has.",
        "Correct the name, or add the filter to a proxy resource.",
    ),
)
