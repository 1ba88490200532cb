"""Edits of single lines: what is written is there afterwards, and nothing else has changed."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.config.editing import add_resource, rename_resource, set_child
from reconciler.config.kdl import KdlNode, parse_kdl
from reconciler.config.write import write_document

LINE = KdlNode("sealed", ("production", "new"), {"version": 2})


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ('secret "a"\n', 'secret "a" {\n    sealed "production" "new" version=2\n}\n'),
        ('\ufeffsecret "a"\n', '\ufeffsecret "a" {\n    sealed "production" "new" version=2\n}\n'),
        ('secret "a"', 'secret "a" {\n    sealed "production" "new" version=2\n}'),
        ('secret "a" // note\n', 'secret "a" {\n    sealed "production" "new" version=2\n} // note\n'),
        (
            'secret "a" {\n  x 1 // one\n  // end\n}\n',
            'secret "a" {\n  x 1 // one\n  // end\n  sealed "production" "new" version=2\n}\n',
        ),
        ('secret "a" { x 1; }\n', 'secret "a" { x 1\n    sealed "production" "new" version=2\n}\n'),
        ('secret "a" {}\n', 'secret "a" {\n    sealed "production" "new" version=2\n}\n'),
        (
            'secret "a" /-{\n    x 1\n} {\n    y 1\n}\n',
            'secret "a" /-{\n    x 1\n} {\n    y 1\n    sealed "production" "new" version=2\n}\n',
        ),
        (
            'secret "a" {\n\tsealed "dev" "old" // dev\n\tx 1\n}\n',
            'secret "a" {\n\tsealed "dev" "old" // dev\n\tsealed "production" "new" version=2\n\tx 1\n}\n',
        ),
        (
            'secret "a" {\n    sealed "production" "old" version=1 rotated="x" // note\n}\n',
            'secret "a" {\n    sealed "production" "new" version=2 rotated="x" // note\n}\n',
        ),
        (
            'secret a {\n    sealed production #"old"# // note\n}\n',
            'secret a {\n    sealed production "new" version=2 // note\n}\n',
        ),
        (
            '"secret" "b"\n"secret" "a" {\r\n    "sealed" \\\r\n      "production" "old"\r\n}\r\n',
            '"secret" "b"\n"secret" "a" {\r\n    "sealed" \\\r\n      "production" "new" version=2\r\n}\r\n',
        ),
        (
            '/-secret "a" {\n    sealed "production" "old"\n}\nsecret "a" {\n    /-sealed "production" "old"\n}\n',
            '/-secret "a" {\n    sealed "production" "old"\n}\nsecret "a" {\n    /-sealed "production" "old"\n'
            '    sealed "production" "new" version=2\n}\n',
        ),
    ],
)
def test_a_line_is_set(before: str, after: str) -> None:
    assert set_child(before, "secret", "a", LINE, keyed=True) == after


def test_a_line_that_is_not_keyed_is_the_only_one_of_its_name() -> None:
    text = 'environment "dev" {\n    sealing-key "old"\n}\n'
    assert set_child(text, "environment", "dev", KdlNode("sealing-key", ("new",))) == text.replace(
        "old", "new"
    )


def test_what_is_not_there_is_an_error() -> None:
    with pytest.raises(KeyError):
        set_child('secret "b"\n', "secret", "a", LINE, keyed=True)
    with pytest.raises(KeyError):
        rename_resource('secret "b"\n', "secrets", "b", "c")


def test_resources_are_added_and_renamed() -> None:
    node = KdlNode("secret", ("a",))
    assert add_resource("", node) == 'secret "a"\n'
    assert add_resource("x 1\r\n\r\n", node) == 'x 1\r\n\r\nsecret "a"\r\n'
    assert rename_resource('project "a" { x 1 } // a\n', "project", "a", "b") == 'project "b" { x 1 } // a\n'


WORD = st.text(alphabet='ab"\\{}/;\n=# é\u2028', max_size=6)
NODE = st.builds(
    KdlNode,
    st.sampled_from(["sealed", "x"]),
    st.tuples(st.sampled_from(["production", "dev"]), WORD),
    st.dictionaries(st.sampled_from(["version", "p"]), WORD, max_size=2),
    st.just(()),
    st.just(False),
)


@given(children=st.lists(NODE, max_size=4), value=WORD, comment=st.sampled_from(["", "// {\n", "/* } */"]))
def test_everything_else_means_what_it_meant(children: list[KdlNode], value: str, comment: str) -> None:
    resource = KdlNode("secret", ("a",), children=tuple(children))
    others = [KdlNode("secret", ("b",), children=tuple(children)), KdlNode("other", ("a",))]
    text = comment + write_document([others[0], resource, others[1]])
    line = KdlNode("sealed", ("production", value), {"version": "2"})
    nodes, findings = parse_kdl(set_child(text, "secret", "a", line, keyed=True), "x.kdl")
    assert nodes is not None, findings
    assert (nodes[0], nodes[2]) == (others[0], others[1])
    wanted = list(children)
    at = next(
        (n for n, c in enumerate(children) if (c.name, c.arguments[0]) == ("sealed", "production")), None
    )
    if at is None:
        same = [n for n, c in enumerate(children) if c.name == "sealed"]
        wanted.insert(same[-1] + 1 if same else len(children), line)
    else:
        wanted[at] = KdlNode("sealed", line.arguments, {**children[at].properties, "version": "2"})
    assert list(nodes[1].children) == wanted
