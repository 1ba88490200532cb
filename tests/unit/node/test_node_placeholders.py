"""Placeholders: found and replaced as whole strings in KDL and JSON, refused anywhere else."""

from __future__ import annotations

import json

import ckdl
import pytest

from reconciler.errors import Refused
from reconciler.node.placeholders import Placeholder, fill, find

NASTY = [
    "plain", 'a "quote"', "back\\slash", "two\nlines\r\n", '"}\nevil { }\n"', '"""', '"#', "tab\t\x01\x7f", "Grüße 🔑",
    "\u2028\u0085\ufeff", "${secret:other}", "#\"raw\"#", "// no comment", "/* none */", "\\u{0}", " ",
]  # fmt: skip


def strings(document: bytes) -> list[str]:
    """Every string argument of a KDL document, as another parser reads it."""
    found: list[str] = []
    nodes = list(ckdl.parse(document.decode()).nodes)
    while nodes:
        node = nodes.pop(0)
        found += [value for value in (*node.args, *node.properties.values()) if isinstance(value, str)]
        nodes = [*node.children, *nodes]
    return found


@pytest.mark.parametrize("value", NASTY)
def test_a_value_stays_one_string_in_kdl(value: str) -> None:
    text = b'before "x"\nheader "Authorization" value="${secret:token}" {\n    inner "${secret:token}"\n}\nafter "y"\n'
    filled = fill("config/production/sentinel.kdl", text, lambda placeholder: value)
    assert strings(filled) == ["x", "Authorization", value, value, "y"]
    # The specification forbids some characters even inside strings, and not every parser minds.
    assert all(line.isascii() and line.decode().isprintable() for line in filled.split(b"\n"))
    assert filled.count(b"\n") == text.count(b"\n")


@pytest.mark.parametrize("value", NASTY)
def test_a_value_stays_one_string_in_json(value: str) -> None:
    text = b'{"a": "${secret:token}", "b": ["x", "${secret:token}", 1.50, 12345678901234567890]}'
    filled = fill("agents/production/auth/a.json", text, lambda placeholder: value)
    assert json.loads(filled) == {"a": value, "b": ["x", value, 1.5, 12345678901234567890]}
    assert b"1.50" in filled, "what is not replaced stays as it stands"


def test_kinds_and_names() -> None:
    text = b'a "${secret:one}"\nb "${secret-file:two}"\nc "${bundle:certificates/shop.pem}"\n'
    assert find("a.kdl", text) == (
        Placeholder("secret", "one"),
        Placeholder("secret-file", "two"),
        Placeholder("bundle", "certificates/shop.pem"),
    )


@pytest.mark.parametrize(
    "text",
    [
        b'a "x" // "${secret:one}"\n',
        b'a /* "${secret:one}" /* "${secret:two}" */ " */ "x"\n',
        b'// ${secret:one}\na "x"\n',
    ],
)
def test_comments_are_left_alone(text: bytes) -> None:
    assert find("a.kdl", text) == ()
    assert fill("a.kdl", text, lambda placeholder: "replaced") == text


def test_what_looks_like_a_comment_or_a_string_inside_another_hides_nothing() -> None:
    text = (
        b'a "//" "${secret:one}"\nb #"""raw " /* "# "${secret:two}"\nc "/*" "${secret:three}"\n'
        b'd """\n  "" /* \\""" //\n  """ "${secret:four}"\ne "\\"" "${secret:five}" ##"x"# "##\n'
    )
    text = text.replace(b'#"""raw " /* "#', b'#"raw " /* "#')
    names = [placeholder.name for placeholder in find("a.kdl", text)]
    assert names == ["one", "two", "three", "four", "five"]


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("a.kdl", b'a "Bearer ${secret:one}"\n'),
        ("a.kdl", b'a "${secret:one} "\n'),
        ("a.kdl", b'a #"${secret:one}"#\n'),
        ("a.kdl", b'a """\n  ${secret:one}\n  """\n'),
        ("a.kdl", b'a "${secret:}"\n'),
        ("a.kdl", b'a "${secret:a b}"\n'),
        ("a.kdl", b'a "${secret:one}${secret:two}"\n'),
        ("a.kdl", b'a /* "${secret:one}"\n'),
        ("a.kdl", b'a """\n "${secret:one}"\n'),
        ("a.json", b'{"a": "x${secret:one}"}'),
        ("a.json", b'{"${secret:one}": 1}'),
        ("a.json", b'{"a": "${secret:one}"'),
        ("waf/public.conf", b'SecRule "${secret:one}"\n'),
        ("waf/public.conf", b"include ${bundle:trust/ca.pem}\n"),
        ("a.yaml", b'a: "${secret-file:one}"\n'),
    ],
)
def test_anything_else_is_refused(path: str, text: bytes) -> None:
    with pytest.raises(Refused, match="E-NOD-052"):
        find(path, text)


def test_files_without_placeholders_are_not_looked_into() -> None:
    for content in (b"\xff\xfe", b'a "unfinished', b"${HOME} %{REMOTE_ADDR}"):
        assert fill("waf/public.conf", content, lambda placeholder: "x") == content


def test_bytes_that_are_no_text_survive_beside_a_placeholder() -> None:
    assert fill("a.kdl", b'a "\xff" "${secret:one}"\n', lambda placeholder: "x") == b'a "\xff" "x"\n'
