"""What the proxy would not check and would suffer from."""

from __future__ import annotations

import pytest

from reconciler.compile.compiler import compile_snapshot
from reconciler.config.findings import Finding
from tests.unit.config.trees import SERVICE, UPSTREAM, brief, sound


def findings(*texts: str) -> tuple[Finding, ...]:
    compilation, found = compile_snapshot(sound(*texts))
    assert (compilation is None) == bool(found)
    assert all(f.hint and f.expected for f in found)
    return found


def listener(name: str, address: str) -> str:
    return f'listener "{name}" {{\n    address "{address}"\n}}\n'


def service(name: str, *lines: str) -> str:
    return (
        f'service "{name}" {{\n' + "".join(f"    {line}\n" for line in ('upstream "orders"', *lines)) + "}\n"
    )


def test_an_environment_with_nothing_to_serve() -> None:
    (found,) = findings(SERVICE.replace("{", '{\n    only "dev"', 1), UPSTREAM)
    assert brief((found,)) == ["E-CMP-002 base.kdl:5:13"]
    assert "(in production)" in found.message


def test_a_finding_of_all_environments_is_told_once() -> None:
    (found,) = findings(SERVICE, UPSTREAM, listener("b", "0.0.0.0:8080"))
    assert "(in dev, production)" in found.message


def test_an_environment_without_listener() -> None:
    text = 'environment "x" {\n    proxy-version "0.6.20"\n}\n'
    snapshot = sound(SERVICE, UPSTREAM, text)
    only = sound(SERVICE, UPSTREAM, text, 'listener "b" {\n    address "10.0.0.1:1"\n    only "dev"\n}\n')
    assert compile_snapshot(snapshot)[1] == compile_snapshot(only)[1] == ()
    bare = dict(only.resources)
    del bare[("listener", "http")]
    _, found = compile_snapshot(type(only)(bare, only.policies, only.attached))
    assert [f.code for f in found] == ["E-CMP-001"]
    assert "(in production, x)" in found[0].message


@pytest.mark.parametrize(
    ("address", "collides"),
    [
        ("0.0.0.0:8080", True),
        ("127.0.0.1:8080", True),
        ("[::]:8080", True),
        ("[::1]:8080", False),
        ("127.0.0.1:8081", False),
        ("127.0.0.1:9901", True),
        ("127.0.0.1:9902", True),
        ("0.0.0.0:9901", True),
        ("10.0.0.1:9901", False),
        ("[::]:9902", True),
    ],
)
def test_addresses(address: str, collides: bool) -> None:
    found = findings(SERVICE, UPSTREAM, listener("other", address))
    assert brief(found) == (["E-CMP-003 3.kdl:2:13"] if collides else [])


def test_an_override_may_move_a_listener_into_the_way() -> None:
    text = listener("z", "0.0.0.0:81").replace(
        "\n}", '\n    for "production" {\n        address "0.0.0.0:8080"\n    }\n}'
    )
    (found,) = findings(SERVICE, UPSTREAM, text)
    assert brief((found,)) == ["E-CMP-003 3.kdl:4:17"]
    assert "(in production)" in found.message


def test_one_service_may_not_become_any_number_of_routes() -> None:
    prefixes = " ".join(f'"/p{n}"' for n in range(101))
    found = findings(UPSTREAM, service("a", f"path-prefix {prefixes}", 'methods "GET" "POST"'))
    assert brief(found) == ["E-CMP-004 2.kdl:4:5"]
    assert findings(UPSTREAM, service("a", f"path-prefix {prefixes}")) == ()


@pytest.mark.parametrize(
    ("one", "other", "found"),
    [
        (['path "/a"'], ['path "/a"'], ["E-CMP-005 3.kdl:3:10"]),
        (['path "/a"'], ['path "/b" "/a"'], ["E-CMP-005 3.kdl:3:15"]),
        (['path "/a"'], ['path "/a"', "priority 51"], []),
        (['path "/a"'], ['path-prefix "/a"'], []),
        (['path "/a"', 'methods "GET"'], ['path "/a"', 'methods "POST"'], []),
        (['path "/a"', 'methods "GET"'], ['path "/a"', 'methods "POST" "GET"'], ["E-CMP-005 3.kdl:3:10"]),
        (['hosts "a.example"'], ['hosts "b.example"'], []),
        (['hosts "a.example"'], ['hosts "b.example" "a.example"'], ["E-CMP-005 3.kdl:3:23"]),
        ([], [], ["E-CMP-005 3.kdl:1:9"]),
    ],
)
def test_services_that_match_the_same(one: list[str], other: list[str], found: list[str]) -> None:
    assert brief(findings(UPSTREAM, service("a", *one), service("b", *other))) == found
