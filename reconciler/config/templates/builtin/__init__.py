"""The built-in templates, one file each, found through one explicit table.

Each is written in the language itself, so that a project can copy one and change it. Deleting a line of the table
deletes the template. Forbidden here: what a project's own template could not do.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from reconciler.config.kdl import parse_file
from reconciler.config.kinds import KINDS
from reconciler.config.overrides import read_resource
from reconciler.config.report import Report
from reconciler.config.templates.builtin import (
    graphql,
    grpc,
    health_endpoint,
    llm_gateway,
    rest_api,
    sse,
    static_site,
    web_app,
    websocket,
)
from reconciler.config.templates.builtin.shape import Builtin
from reconciler.config.templates.calls import Template
from reconciler.config.templates.definition import check_template


def _read(sources: Mapping[str, Builtin]) -> Mapping[str, Template]:
    """The templates by name, in the given order. Raises ValueError for one that no project could write."""
    found: dict[str, Template] = {}
    for name, source in sources.items():
        file, findings = parse_file(source.text, "built-in.kdl")
        if file is None:
            raise ValueError(str(findings[0]))
        report = Report()
        resource = read_resource(KINDS["template"], file.nodes[0], file, report)
        if resource is not None and not report.failed:
            check_template(resource, report)
        if resource is None or report.failed or resource.name != name:
            raise ValueError(f"the built-in template '{name}' is wrong: {report.resolved()}")
        # The tokens of its text are nobody's, so the file is left out.
        found[name] = Template(resource, None)
    return MappingProxyType(found)


SOURCES: Mapping[str, Builtin] = MappingProxyType(
    {
        "rest-api": rest_api.TEMPLATE,
        "web-app": web_app.TEMPLATE,
        "static-site": static_site.TEMPLATE,
        "websocket": websocket.TEMPLATE,
        "grpc": grpc.TEMPLATE,
        "graphql": graphql.TEMPLATE,
        "sse": sse.TEMPLATE,
        "llm-gateway": llm_gateway.TEMPLATE,
        "health-endpoint": health_endpoint.TEMPLATE,
    }
)
"""The templates as they are written, in the order in which they are listed."""

BUILTIN: Mapping[str, Template] = _read(SOURCES)
"""The templates as services find them."""
