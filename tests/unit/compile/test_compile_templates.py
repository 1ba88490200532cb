"""The built-in templates: a service in, the proxy's routes and filters out, which pass the check of its grammar.

What has to come out of each template's example stands in `builtin_templates/`, one file a template.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from reconciler.config.templates.builtin import BUILTIN, SOURCES
from reconciler.config.write import write_document
from tests.unit.compile.compiled import compiled, config, nodes

GOLDEN = Path(__file__).parent / "builtin_templates"
MARKER = "sentinel-config-"

STOCK = """\
upstream "stock" {
    target "10.0.0.4:443"
    tls {
        sni "stock.internal.example"
    }
}
"""


def made(text: str) -> str:
    """Routes and filters of a compiled text, without the control plane's own."""
    whole = config(STOCK, text)
    filters = [node for name, node in nodes(whole, "filters").items() if not name.startswith(MARKER)]
    return write_document([*nodes(whole, "routes").values(), *filters])


@pytest.mark.parametrize("name", list(BUILTIN))
def test_the_example_of_a_built_in_template(name: str) -> None:
    assert made(SOURCES[name].example) == (GOLDEN / f"{name}.kdl").read_text()


def test_there_is_a_golden_file_for_each_and_no_other() -> None:
    assert {path.stem for path in GOLDEN.glob("*.kdl")} == set(BUILTIN)


GUARDS = """\
auth-policy "customers" {
    oidc {
        issuer "https://id.example"
        jwks-url "https://id.example/jwks.json"
        audience "shop"
    }
}
waf-policy "public" {
    mode "block"
}
"""


@pytest.mark.parametrize("name", [name for name, t in BUILTIN.items() if "auth" in t.parameters("")])
def test_a_policy_that_is_given_guards_the_route(name: str) -> None:
    lines = SOURCES[name].example.splitlines()
    lines.insert(2, '        auth "customers"')
    text = "\n".join(lines) + "\n"
    assert "auth" not in SOURCES[name].example
    routes = nodes(compiled(STOCK, GUARDS, text).environments[0].config.decode(), "routes")
    filters = [c.arguments for node in routes.values() for c in node.children if c.name == "filters"]
    assert any("auth" in str(value) for found in filters for value in found), filters


def test_a_template_written_out_compiles_to_the_same_bytes() -> None:
    from_template = compiled(STOCK, SOURCES["sse"].example)
    by_hand = compiled(
        STOCK,
        """\
service "stock-events" {
    hosts "shop.example"
    path-prefix "/events"
    methods "GET"
    upstream "orders"
    priority 50
    protocol "streaming"
    timeouts {
        response "1h"
    }
    response-headers {
        set "Cache-Control" "no-store"
    }
}
""",
    )
    assert from_template.environments == by_hand.environments
