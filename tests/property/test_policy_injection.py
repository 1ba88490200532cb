"""No text in a policy adds a directive, an action, a node or a key to what an agent or the proxy is given."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.compile.auth import agent_files
from reconciler.compile.waf import seclang
from reconciler.compile.waf.policy import rule_file
from reconciler.config.kinds import KINDS
from reconciler.config.report import Problem
from reconciler.config.schema import Field, complete
from tests.unit.compile.seclang_reader import Directive, read

HOSTILE = st.one_of(
    st.text(max_size=60),
    st.text(alphabet="\"'\\,;:#%{}[]()|&\n\r\t SecRule$\u2028\x85\x00\u202e", max_size=60),
    st.sampled_from(
        [
            '"\nSecRuleEngine Off\n#',
            "\\",
            'x\\"',
            "x',ctl:ruleEngine=Off,msg:'",
            "a,ctl:ruleEngine=Off",
            "%{tx.x}",
            '"; rm -rf /',
            "*/rules/../../etc/passwd",
        ]
    ),
)


def fields(field: Field, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Paths of all single values and lists below a field."""
    for child in field.children:
        if child.is_scalar or child.is_list:
            yield (*path, child.name)
        elif not child.repeatable:
            yield from fields(child, (*path, child.name))


def accepted(field: Field, path: tuple[str, ...], text: str) -> Any:
    """What the language makes of a text in a field, or None when it refuses it."""
    for name in path[:-1]:
        field = field.child[name]
    last = field.child[path[-1]]
    slot = last.rest or last.arguments[0]
    value = slot.type.read(text)
    if isinstance(value, Problem):
        return None
    return [value] if last.is_list else value


def shape(directives: list[Directive]) -> list[tuple[str, int, list[str]]]:
    """Names, numbers of arguments and names of actions: everything that a text may never change."""
    return [
        (one.name, len(one.arguments), [action.split(":")[0] for action in one.actions]) for one in directives
    ]


WAF: dict[str, Any] = {
    "rule": [{"id": 942100, "action": "disable", "note": "n"}],
    "exclusion": [
        {"name": "a", "rules": [942151], "host": "a.example", "path": "/a", "parameter": "q", "note": "n"}
    ],
    "content-types": ["text/plain"],
    "crs-folder": "/opt/crs",
    "limits": {"headers": 50},
}


def conf(data: dict[str, Any]) -> list[Directive]:
    return read(rule_file("public", complete(KINDS["waf-policy"].field, data)).decode())


EXCLUSION = KINDS["waf-policy"].field.child["exclusion"]


@pytest.mark.parametrize("name", ["path", "host", "parameter", "note"])
@given(text=HOSTILE)
def test_a_text_of_an_exclusion_stays_one_value(name: str, text: str) -> None:
    value = accepted(EXCLUSION, (name,), text)
    if value is None:
        return
    changed = {**WAF, "exclusion": [{**WAF["exclusion"][0], name: value}]}
    assert shape(conf(changed)) == shape(conf(WAF))


@given(text=HOSTILE)
def test_a_note_of_a_rule_stays_a_comment(text: str) -> None:
    # Whatever the language would say of it: a note is a comment, and comments take every text.
    assert conf({**WAF, "rule": [{"id": 942100, "action": "disable", "note": text}]}) == conf(WAF)


@pytest.mark.parametrize("name", ["content-types", "crs-folder", "description", "mode", "sensitivity"])
@given(text=HOSTILE)
def test_a_text_of_a_waf_policy_stays_one_value(name: str, text: str) -> None:
    value = accepted(KINDS["waf-policy"].field, (name,), text)
    if value is None or value == "off":
        return
    assert shape(conf({**WAF, name: value})) == shape(conf(WAF))


@given(text=HOSTILE)
def test_the_writer_gives_back_what_it_is_given_or_refuses(text: str) -> None:
    try:
        line = f"Include {seclang.quoted(text)}\n" if text.isascii() else ""
    except ValueError:
        return
    if line:
        assert read(line) == [Directive("Include", (text,))]


@given(text=HOSTILE)
def test_no_text_becomes_a_second_action_or_word(text: str) -> None:
    for write in (
        lambda: seclang.action(["id:1", text]),
        lambda: seclang.action(["id:1", f"msg:'{text}'"]),
        lambda: seclang.rule(text, "eq", "1", ["id:1"]),
        lambda: seclang.directive("Include", text),
    ):
        try:
            (found,) = read(write())
        except ValueError:
            continue
        assert found.name in ("SecAction", "SecRule", "Include")
        assert len(found.actions) <= 2


AUTH: dict[str, Any] = {
    "jwt": {"secret": "${secret:a}", "issuer": "i", "audience": "a"},
    "oidc": {
        "issuer": "https://id.example",
        "jwks-url": "https://id.example/j",
        "audience": "a",
        "scopes": ["s"],
    },
    "api-key": {"secrets": ["${secret:b}"]},
    "basic": {"secrets": ["${secret:c}"]},
}
POSSIBLE = [
    path for path in fields(KINDS["auth-policy"].field) if path[0] not in ("introspection", "mtls", "timeout")
]


def keys(value: Any) -> Any:
    """A JSON value without its texts."""
    if isinstance(value, dict):
        return {key: keys(held) for key, held in value.items()}
    return [keys(held) for held in value] if isinstance(value, list) else type(value)


def config(data: dict[str, Any]) -> Any:
    files = agent_files("customers", complete(KINDS["auth-policy"].field, data))
    return [json.loads(content) for content in files.values()]


@pytest.mark.parametrize("path", [path for path in POSSIBLE if path != ("require",)], ids="-".join)
@given(text=HOSTILE)
def test_a_text_of_an_auth_policy_stays_one_value(path: tuple[str, ...], text: str) -> None:
    value = accepted(KINDS["auth-policy"].field, path, text)
    if value is None:
        return
    changed = (
        {**AUTH, path[0]: value} if len(path) == 1 else {**AUTH, path[0]: {**AUTH[path[0]], path[1]: value}}
    )
    assert keys(config(changed)) == keys(config(AUTH))
