"""Imports: what becomes of the parts of a running proxy's configuration, and that nothing changes by it."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from reconciler.compile.importing import translation
from reconciler.compile.importing.translation import Imported
from reconciler.compile.native.checking import check_native
from reconciler.config.kdl import parse_kdl
from reconciler.errors import Refused
from tests.unit.importing.imported import accepted, became, compiled, imported, strange, translated
from tests.unit.native.native_documents import MINIMAL, PLACES, document
from tests.unit.native.test_native_warned import ACCEPTED, WARNED

HERE = Path(__file__).parent
WHOLE = sorted([*(HERE.parent / "native" / "accepted").glob("*.kdl"), *(HERE / "running").glob("*.kdl")])


@pytest.mark.parametrize("file", [pytest.param(file, id=file.stem) for file in WHOLE])
def test_a_whole_configuration_does_the_same_afterwards(file: Path) -> None:
    result = imported(file.read_text())
    assert [str(f) for f in check_native(compiled(result).config) if f.is_error] == []


def test_a_difference_that_nothing_can_be_done_about_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """No configuration is known to make one; so the translation is kept from giving back what came out different."""
    monkeypatch.setattr(translation._Work, "give_back", lambda self, change: False)
    spare = 'upstreams {\n    upstream "spare" { target "127.0.0.1:3001" }\n'
    with pytest.raises(
        Refused, match="would not do the same as 'edge\\.kdl': removed upstream 'spare'"
    ) as caught:
        translated(MINIMAL.replace("upstreams {\n", spare))
    assert caught.value.code == "E-CMP-091"


def test_what_the_language_can_say_is_said() -> None:
    result = imported((HERE / "running" / "shop.kdl").read_text())
    expected = {
        path.name: path.read_text() for path in sorted((HERE / "running" / "shop.expected").glob("*.kdl"))
    }
    assert dict(result.files) == expected
    assert became(result) == {
        "listener http": "said",
        "listener tls": "its certificate is a file of the node, and the language seals keys: "
        "sentinelctl certificate add",
        "upstream orders": "said",
        "upstream pooled": "the language has nothing like connection-pool",
        "upstream web": "said",
        "filter api-limit": "said",
        "filter both": "it changes headers of requests and of answers at once, which are two filters in the language",
        "filter cors": "said",
        "filter gzip": "said",
        "filter login": "no type of middleware is like a filter of type agent",
        "filter patience": "said",
        "filter strip": "said",
        "filter tag": "said",
        "filter to-https": "said",
        "filter unused": "no route names it",
        "route api": "said",
        "route files": "said",
        "route health": "the language has nothing like builtin-handler",
        "route llm": "said",
        "route pooled": "said",
        "route secure": "said",
        "route site": "said",
        "route typo": "the proxy does not honour all of it: there is no 'max-retries' in 'route'; it is ignored, "
        "with a line in the proxy's log",
    }
    assert result.accepted == ("W-NAT-001",)
    assert [str(finding.place) for finding in result.left_out] == ["edge.kdl:11:9", "edge.kdl:73:9"]


GALLERY = [
    *((name, place, text) for name, place, text, _ in WARNED),
    *ACCEPTED,
    *((f"place {place}", place, "") for place in PLACES),
]


def test_every_piece_of_the_grammar_survives_an_import() -> None:
    """Whatever the proxy accepts, however useless, is imported and does the same, or is refused as a whole."""
    count, wrong = 0, []
    for name, place, text in GALLERY:
        whole = document(place, text)
        if accepted(whole) is None:
            continue
        count += 1
        result = translated(whole)
        if not isinstance(result, Imported):
            wrong.append(f"{name}: {result[0]}")
        else:
            wrong += [f"{name}: {change}" for change in strange(whole, compiled(result))]
    assert wrong == []
    assert count > 150


@pytest.mark.slow
@pytest.mark.parametrize("file", [pytest.param(file, id=file.stem) for file in WHOLE])
def test_mutations_do_the_same_or_are_refused(file: Path) -> None:
    rng = random.Random(file.stem)
    lines = file.read_text().splitlines()
    counted = {"imported": 0, "refused": 0}
    for _ in range(15):
        mutated = list(lines)
        for _ in range(rng.randrange(1, 4)):
            at = rng.randrange(len(mutated))
            change = rng.randrange(4)
            if change == 0 and "{" not in mutated[at] and "}" not in mutated[at]:
                del mutated[at]
            elif change == 1:
                mutated[at] = mutated[at].replace("1", "2").replace("#true", "#false")
            elif change == 2 and '"' in mutated[at]:
                mutated[at] = (
                    mutated[at].replace('"', '"X ', 1) if rng.random() < 0.3 else mutated[at].upper()
                )
            elif change == 3 and "{" not in mutated[at] and "}" not in mutated[at]:
                mutated.insert(at, mutated[at])
        text = "\n".join(mutated) + "\n"
        if accepted(text) is None:
            continue
        result = translated(text)
        if isinstance(result, Imported):
            counted["imported"] += 1
            assert strange(text, compiled(result)) == [], text
        else:
            counted["refused"] += 1
            assert {finding.code for finding in result} <= {"E-CMP-003", "E-CMP-042"}, text
    assert counted["imported"] > 2


def test_names_cannot_break_out_of_comments_or_nodes() -> None:
    hostile = 'x\\nroute \\"evil\\" { } \\u{202e}*/'
    text = MINIMAL + (
        f'filters {{ filter "{hostile}" {{ type "log" }} }}\n'
        f'routes {{ route "{hostile}" {{ matches {{ path "/x" }}; upstream "app"; filters "{hostile}" }} }}\n'
    )
    result = imported(text)
    for content in result.files.values():
        assert all(line.isprintable() for line in content.splitlines())
        nodes, findings = parse_kdl(content, "a.kdl")
        assert nodes is not None, findings
        assert {node.name for node in nodes} <= {
            "project", "environment", "listener", "upstream", "middleware", "service", "proxy",
        }  # fmt: skip


def test_a_service_goes_through_native_filters_in_their_order() -> None:
    text = MINIMAL + (
        'filters { filter "Log It" { type "log" }; filter "limit" { type "rate-limit"; key "route" } }\n'
        'routes { route "x" { matches { path "/x" }; upstream "app"; filters "limit" "Log It" } }\n'
    )
    result = imported(text)
    assert became(result)["route x"] == "said"
    assert 'middleware "limit"\n    middleware "log-it"' in result.files["services.kdl"]


def test_the_same_target_twice_has_twice_the_work() -> None:
    text = MINIMAL.replace('target "127.0.0.1:3000"', 'target "127.0.0.1:3000"; target "127.0.0.1:3000"')
    result = imported(text)
    assert became(result)["upstream app"] != "said"
    assert compiled(result).config.count(b'target "127.0.0.1:3000"') == 2


def test_conditions_that_have_to_hold_together_stay_together() -> None:
    text = MINIMAL.replace('path-prefix "/"', 'path-prefix "/a"; path-prefix "/a/b"')
    assert became(imported(text))["route app"] == "several conditions on the path have to hold together"


@pytest.mark.parametrize(
    ("one", "other", "ties"),
    [
        ('path-regex "^/a"', 'path-regex "b$"', True),
        ('path-regex "^/a"; host "a.example"', 'path-regex "b$"; host "b.example"', False),
        ('path-regex "^/a"; host "a.example"', 'path-regex "b$"; host "*.example"', True),
        ('path-regex "^/a"; method "GET"', 'path-regex "b$"; method "PUT"', False),
        ('path-regex "^/a"; header "X" "1"', 'path-regex "b$"; header "X" "2"', False),
        ('path-regex "^/a"; header "X" "1"', 'path-regex "b$"; header "Y" "2"', True),
        ('path-regex "^/a"; header "X" "1"', 'path-regex "b$"; header "Y"', False),
        ('path-prefix "/a"; host "a.example"; host "b.example"', 'path-prefix "/a"; host "b.example"', True),
        ('path-prefix "/a"', 'path-prefix "/b"', False),
    ],
)
def test_routes_stay_in_their_order_where_it_may_decide(one: str, other: str, ties: bool) -> None:
    routes = "routes {{ {} }}\n"
    second = f'route "zz" {{ matches {{ {one} }}; upstream "app" }}'
    first = f'route "aa" {{ matches {{ {other} }}; upstream "app" }}'
    text = MINIMAL + routes.format(f"{second}\n{first}")
    result = imported(text)
    assert [became(result)[f"route {name}"] == "said" for name in ("zz", "aa")] == [not ties] * 2
    assert (compiled(result).config.find(b'"zz"') < compiled(result).config.find(b'"aa"')) is ties


def test_routes_whose_order_stays_are_translated() -> None:
    routes = "\n".join(
        f'route "{name}" {{ matches {{ path-regex "^/{name}" }}; upstream "app" }}' for name in ("aa", "zz")
    )
    result = imported(MINIMAL + f"routes {{ {routes} }}\n")
    assert [became(result)[f"route {name}"] for name in ("aa", "zz")] == ["said", "said"]


def test_a_listener_may_name_a_route_that_became_a_service() -> None:
    text = MINIMAL + (
        'listeners { listener "tls" { address "127.0.0.1:8443"; protocol "https"; default-route "app"\n'
        'tls { cert-file "/c"; key-file "/k" } } }\n'
    )
    result = imported(text)
    assert became(result)["route app"] == "said"
    assert b'default-route "app"' in compiled(result).config


def test_ports_of_the_control_plane_give_way() -> None:
    text = MINIMAL + 'listeners { listener "a" { address "127.0.0.1:9902" } }\n'
    assert "admin-port 9903" in imported(text).files["project.kdl"]


def test_auto_reload_and_metrics_are_left_to_the_control_plane() -> None:
    text = MINIMAL.replace("system { }", "system { auto-reload #true }") + (
        'observability { metrics { address "0.0.0.0:9100" } }\n'
    )
    result = imported(text)
    assert "native.kdl" not in result.files
    assert b"auto-reload #false" in compiled(result).config


def test_what_no_repository_can_have_is_refused_with_its_finding() -> None:
    reserved = translated(MINIMAL + 'namespace "sentinel-control" { routes { } }\n')
    assert not isinstance(reserved, Imported)
    assert [finding.code for finding in reserved] == ["E-CMP-042"]


def test_a_large_configuration_is_spread_over_files() -> None:
    routes = "\n".join(
        f'route "r{n}" {{ matches {{ path "/{n}/{"x" * 400}" }}; upstream "app"; websocket-inspection #true }}\n'
        f'route "s{n}" {{ matches {{ path "/s{n}/{"x" * 800}" }}; upstream "app" }}'
        for n in range(1200)
    )
    result = imported(MINIMAL + f"routes {{ {routes} }}\n")
    assert {"services.kdl", "services-2.kdl", "native.kdl"} <= set(result.files)
    assert all(len(content) < 1024 * 1024 for content in result.files.values())
