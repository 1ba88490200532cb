"""`sentinelctl topology` and `schema`."""

from __future__ import annotations

import json
import re
from pathlib import Path
from xml.etree import ElementTree

import jsonschema
import pytest
from click.testing import CliRunner

from reconciler.cli.schema import command as schema
from reconciler.cli.topology import command
from reconciler.compile.topology.drawing import dot, svg
from reconciler.compile.topology.graph import topology
from reconciler.config.kinds import KINDS
from reconciler.outline.graph import Edge, Graph, Vertex
from reconciler.outline.layout import lay_out
from tests.unit.config.trees import SERVICE, TEMPLATE, UPSTREAM, sound

SVG = "{http://www.w3.org/2000/svg}"


def graph(*texts: str, environment: str = "production") -> Graph:
    return topology(sound(*texts).rendering(environment))


def test_a_service_leads_to_its_upstream_and_on_to_its_targets() -> None:
    found = graph(SERVICE, UPSTREAM)
    assert [vertex.id for vertex in found.vertices] == [
        "service/orders",
        "target/10.0.0.1:80",
        "upstream/orders",
    ]
    assert [(e.start.id, e.end.id, e.via) for e in found.edges] == [
        ("service/orders", "upstream/orders", "upstream"),
        ("upstream/orders", "target/10.0.0.1:80", "target"),
    ]
    columns = {vertex["id"]: vertex["column"] for vertex in found.to_json()["vertices"]}
    assert columns["service/orders"] < columns["upstream/orders"] < columns["target/10.0.0.1:80"]


def test_what_is_drawn_is_what_is_effective_in_the_environment() -> None:
    upstream = UPSTREAM.replace(
        '    target "10.0.0.1:80"\n',
        '    target "10.0.0.1:80"\n    for "dev" {\n        target "127.0.0.1:80"\n    }\n',
    )
    assert "target/127.0.0.1:80" in [v.id for v in graph(SERVICE, upstream, environment="dev").vertices]
    assert "target/127.0.0.1:80" not in [v.id for v in graph(SERVICE, upstream).vertices]


def test_a_shared_target_is_one_vertex() -> None:
    found = graph(SERVICE, UPSTREAM, UPSTREAM.replace('"orders"', '"other"'))
    assert [v.id for v in found.vertices if v.kind == "target"] == ["target/10.0.0.1:80"]


def test_a_layout_is_the_same_whatever_the_order_and_has_no_needless_crossing() -> None:
    vertices = [Vertex("service", f"s{n}") for n in range(6)] + [
        Vertex("upstream", f"u{n}") for n in range(6)
    ]
    edges = [Edge(vertices[n], vertices[11 - n], "upstream") for n in range(6)]
    columns = {v: 0 if v.kind == "service" else 2 for v in vertices}
    one = lay_out(Graph("e", tuple(vertices), tuple(edges), columns))
    other = lay_out(
        Graph("e", tuple(reversed(vertices)), tuple(reversed(edges)), dict(reversed(columns.items())))
    )
    assert one == other
    left, right = one.columns
    assert [right.index(vertices[11 - int(v.name[1:])]) for v in left] == list(range(6))


def test_the_drawing_is_well_formed_and_has_everything() -> None:
    found = graph(SERVICE, UPSTREAM)
    root = ElementTree.fromstring(svg(found))  # noqa: S314 - our own output
    assert root.tag == f"{SVG}svg"
    assert len(root.findall(f"{SVG}g")) == len(found.vertices)
    assert len(root.findall(f"{SVG}path")) == len(found.edges)
    width, height = int(root.attrib["width"]), int(root.attrib["height"])
    boxes = [tuple(int(r.attrib[k]) for k in ("x", "y", "width", "height")) for r in root.iter(f"{SVG}rect")]
    assert len(set(boxes)) == len(boxes)
    assert all(x + w <= width and y + h <= height for x, y, w, h in boxes)


HOSTILE = [
    "</text><script>alert(1)</script>",
    '" onload="x',
    'a"]; evil [label="',
    "back\\slash\\",
    "\u202ereversed",
    "new\nline",
    "]]>&amp;",
]


@pytest.mark.parametrize("name", HOSTILE)
def test_no_name_gets_out_of_its_quotes(name: str) -> None:
    vertex, other = Vertex("upstream", name), Vertex("target", name)
    found = Graph(name, (vertex, other), (Edge(vertex, other, name),), {vertex: 0, other: 1})
    root = ElementTree.fromstring(svg(found))  # noqa: S314 - our own output
    assert {element.tag.removeprefix(SVG) for element in root.iter()} <= {
        "svg",
        "title",
        "text",
        "path",
        "g",
        "rect",
    }
    assert not any(key.startswith("on") for element in root.iter() for key in element.attrib)
    text = dot(found)
    assert "\u202e" not in text
    quoted = re.compile(r'"(?:[^"\\\n]|\\.)*"')
    lines = quoted.sub("Q", text).splitlines()
    assert lines == [
        "digraph Q {",
        "    rankdir=LR;",
        "    node [shape=box];",
        "    Q [label=Q, style=filled, fillcolor=Q];",
        "    Q [label=Q, style=filled, fillcolor=Q];",
        "    Q -> Q [label=Q];",
        "}",
    ]


def test_the_command_prints_each_form() -> None:
    told = json.loads(CliRunner().invoke(command, [str(TEMPLATE)]).output)
    assert told["environment"] == "production"
    assert {"service", "upstream", "target"} <= {v["kind"] for v in told["vertices"]}
    ids = {v["id"] for v in told["vertices"]}
    assert all(e["from"] in ids and e["to"] in ids for e in told["edges"])
    assert CliRunner().invoke(command, [str(TEMPLATE), "--format", "dot"]).output.startswith("digraph")
    drawn = CliRunner().invoke(command, [str(TEMPLATE), "--format", "svg", "--environment", "dev"])
    assert "Topology of dev" in drawn.output
    assert CliRunner().invoke(command, [str(TEMPLATE), "--environment", "moon"]).exit_code == 2


def test_the_command_refuses_what_has_errors(tmp_path: Path) -> None:
    (tmp_path / "a.kdl").write_text("thing\n")
    result = CliRunner().invoke(command, [str(tmp_path)])
    assert result.exit_code == 1
    assert "E-KND-001" in result.stderr
    assert result.stdout == ""


def test_the_schema_holds_for_the_template_and_refuses_what_is_wrong() -> None:
    printed = json.loads(CliRunner().invoke(schema, []).output)
    jsonschema.Draft202012Validator.check_schema(printed)
    assert set(printed["$defs"]) == set(KINDS)
    validator = jsonschema.Draft202012Validator(printed)
    from reconciler.cli.folder import config_files
    from reconciler.config.snapshot import read_snapshot

    snapshot, _ = read_snapshot(config_files(TEMPLATE))
    assert snapshot is not None
    assert list(validator.iter_errors(snapshot.to_json())) == []
    assert not validator.is_valid([{"kind": "service", "name": "x", "nonsense": 1}])


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_the_schema_of_one_kind(kind: str) -> None:
    printed = json.loads(CliRunner().invoke(schema, [kind]).output)
    jsonschema.Draft202012Validator.check_schema(printed)
    assert printed["properties"]["kind"] == {"const": kind}


def test_the_schema_of_no_kind() -> None:
    result = CliRunner().invoke(schema, ["servise"])
    assert result.exit_code == 2
    assert "Did you mean 'service'?" in result.output
