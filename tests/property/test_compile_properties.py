"""Properties of the compiler: nothing that a user writes opens a node, and the order of writing means nothing."""

from __future__ import annotations

from collections import Counter

from hypothesis import given, settings
from hypothesis import strategies as st

from reconciler.compile.compiler import compile_snapshot
from reconciler.compile.native.checking import check_native
from reconciler.config.kdl import KdlNode, parse_kdl
from reconciler.config.snapshot import read_snapshot
from reconciler.config.source import SourceFile
from reconciler.config.write import write_document
from tests.unit.compile.accepted import objections
from tests.unit.config.trees import BASE

HOSTILE = st.text(st.characters(codec="utf-8"), min_size=1, max_size=12) | st.sampled_from(
    [
        '"\n}\nroute "evil" {',
        'a" }; evil {',
        "\\",
        '\\"',
        "#true",
        "/- x",
        "// x",
        "/* x",
        "a\u202eb",
        "a\x00b",
        "x\u2028evil 1",
        "/ok",
        "ok.example",
        "10.0.0.1:80",
        "X-Ok",
        '^/(a|b)"$',
    ]
)
SECTIONS = [
    "schema-version",
    "system",
    "listeners",
    "upstreams",
    "filters",
    "routes",
    "namespace",
    "observability",
]


@given(st.lists(HOSTILE, min_size=9, max_size=9))
@settings(max_examples=400)
def test_no_field_can_open_a_node(words: list[str]) -> None:
    host, path, prefix, regex, header, value, removed, name, target = words
    service = KdlNode(
        "service",
        (name,),
        children=(
            KdlNode("hosts", (host,)),
            KdlNode("path", (path,)),
            KdlNode("path-prefix", (prefix,)),
            KdlNode("path-regex", (regex,)),
            KdlNode("upstream", ("up",)),
            KdlNode(
                "request-headers",
                children=(KdlNode("set", (header, value)), KdlNode("remove", (removed,))),
            ),
        ),
    )
    for left_out in (None, *range(4)):
        # Fields are tried together and one by one, so that one bad field does not hide what another would do.
        kept = service.children if left_out is None else (service.children[left_out], *service.children[4:5])
        names = (name,) if left_out is None else ("a",)
        upstream = KdlNode("upstream", ("up",), children=(KdlNode("target", (target,)),))
        plain = KdlNode("upstream", ("up",), children=(KdlNode("target", ("10.0.0.1:80",)),))
        for used in (upstream, plain):
            text = BASE + write_document([service._replace(arguments=names, children=kept), used])
            snapshot, findings = read_snapshot([SourceFile("a.kdl", text.encode())])
            if snapshot is None:
                assert findings
                continue
            compilation, _ = compile_snapshot(snapshot)
            if compilation is None:
                continue
            for environment in compilation.environments:
                assert objections(environment.config) == []
                nodes, _ = parse_kdl(environment.config, "sentinel.kdl")
                assert [node.name for node in nodes or ()] == SECTIONS
                count = Counter(child.name for node in nodes or () for child in node.children)
                assert count["upstream"] == 1
                assert count["listener"] == 2
                assert count["route"] == (3 if left_out is None else 1)


@given(st.lists(HOSTILE, min_size=6, max_size=6))
@settings(max_examples=300)
def test_nothing_in_a_native_part_can_open_a_node(words: list[str]) -> None:
    value, prop, header, upstream, block, route = words
    changes = KdlNode("set", children=(KdlNode(header, (value,)),))
    filters = KdlNode(
        "filters",
        children=(
            KdlNode("filter", ("f",), children=(KdlNode("type", ("headers",)), changes)),
            KdlNode("filter", ("g",), children=(KdlNode("type", ("log",)), KdlNode(block, (value,)))),
        ),
    )
    matches = KdlNode("matches", children=(KdlNode("path", ("/",)),))
    routes = KdlNode(
        "routes",
        children=(
            KdlNode("route", ("n",), {prop: value}, (matches, KdlNode("upstream", (upstream,)))),
            KdlNode("route", (route,), children=(matches, KdlNode("upstream", ("up",)))),
        ),
    )
    upstreams = KdlNode(
        "upstreams",
        children=(KdlNode("upstream", (upstream,), children=(KdlNode("target", ("10.0.0.1:80",)),)),),
    )
    codes = tuple(f"W-NAT-{number:03}" for number in range(1, 25))
    proxy = KdlNode("proxy", ("p",), children=(KdlNode("accept", codes), filters, routes, upstreams))
    plain = KdlNode("upstream", ("up",), children=(KdlNode("target", ("10.0.0.1:80",)),))
    snapshot, findings = read_snapshot(
        [SourceFile("a.kdl", (BASE + write_document([proxy, plain])).encode())]
    )
    compilation = compile_snapshot(snapshot)[0] if snapshot is not None else None
    if snapshot is None:
        assert findings
    if compilation is None:
        return
    for environment in compilation.environments:
        assert [str(f) for f in check_native(environment.config) if f.is_error] == []
        nodes, _ = parse_kdl(environment.config, "sentinel.kdl")
        assert [node.name for node in nodes or ()] == SECTIONS
        found = {child.arguments[:1]: child for node in nodes or () for child in node.children}
        assert found[("f",)].children == filters.children[0].children
        assert found[("g",)].children == filters.children[1].children
        assert found[("n",)].properties == {prop: value}
        assert Counter(c.name for n in nodes or () for c in n.children)["route"] == 2


@given(st.permutations(range(6)), st.permutations(range(6)))
@settings(max_examples=60)
def test_order_means_nothing(first: list[int], second: list[int]) -> None:
    resources = [
        *(
            f'upstream "u{n}" {{\n    target "10.0.0.{n + 1}:80"\n    target "10.0.1.{n + 1}:80"\n}}\n'
            for n in range(3)
        ),
        *(f'service "s{n}" {{\n    path "/{n}" "/x{n}"\n    upstream "u{n}"\n}}\n' for n in range(3)),
    ]

    def compiled(order: list[int], files: int) -> object:
        tree = [SourceFile("base.kdl", BASE.encode())]
        for number in range(files):
            content = "\n// comment\n".join(resources[i] for i in order[number::files])
            tree.append(SourceFile(f"f{number}.kdl", content.encode()))
        snapshot, findings = read_snapshot(tree)
        assert snapshot is not None, findings
        return compile_snapshot(snapshot)[0]

    assert compiled(first, 1) == compiled(second, 3)
