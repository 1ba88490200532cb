"""Which of several things counts, where the answer decides between refused and accepted."""

from __future__ import annotations

from reconciler.compile.native.checking import check_document
from reconciler.compile.native.reading import read_document
from tests.unit.native.native_documents import check, codes, document, errors


def lines(text: str, code: str) -> list[str]:
    """The lines on which a code is told."""
    content = text.split("\n")
    return [content[f.place.line - 1].strip() for f in check(text) if f.code == code and f.place]


def test_the_first_child_counts_and_the_others_are_told() -> None:
    text = document("listener", 'protocol "http"\nprotocol "tcp"\nprotocol "udp"')
    assert errors(check(text)) == []
    assert lines(text, "W-NAT-005") == ['protocol "tcp"', 'protocol "udp"']


def test_the_last_child_counts_where_the_proxy_iterates() -> None:
    text = document("agent", "timeout-ms 0\ntimeout-ms 1\ntimeout-ms 2")
    assert errors(check(text)) == []
    assert lines(text, "W-NAT-005") == ["timeout-ms 0", "timeout-ms 1"]
    assert errors(check(document("agent", "timeout-ms 2\ntimeout-ms 0"))) == ["E-NAT-008"]


def test_the_last_block_of_a_namespace_counts() -> None:
    wrong = 'routes { route "r" { priority 10; upstream "no" } }'
    text = document("namespace", f"{wrong}\nroutes {{ }}")
    assert errors(check(text)) == []
    assert lines(text, "W-NAT-005") == [wrong]
    assert errors(check(document("namespace", f"routes {{ }}\n{wrong}"))) == ["E-NAT-010"]


def test_blocks_at_the_top_are_merged() -> None:
    text = document(
        "document", 'filters { filter "f" { type "cors" } }\nfilters { filter "g" { type "cors" } }'
    )
    assert codes(check(text)) == []


def test_static_files_beside_an_upstream_that_does_not_exist() -> None:
    route = 'matches { path "/x" }; static-files { root "/" }; upstream "no"'
    assert errors(check(document("bare route", route))) == ["E-NAT-012"]


def test_a_prefix_with_a_slash_takes_the_path_without() -> None:
    assert (
        codes(check(document("bare route", 'upstream "app"; matches { path-prefix "/a/"; path "/a" }'))) == []
    )


def test_sticky_starts_with_an_empty_block() -> None:
    assert "W-NAT-011" not in codes(check(document("upstream", 'load-balancing "sticky" { }')))
    assert "W-NAT-011" in codes(check(document("upstream", 'load-balancing "sticky"')))


def test_digits_of_a_number_are_counted_without_leading_zeros() -> None:
    assert errors(check(document("system", f"worker-threads {'0' * 60}4"))) == []
    assert errors(check(document("system", f"worker-threads 0.{'1' * 40}"))) == ["E-NAT-001"]
    assert errors(check(document("system", f"worker-threads 0.{'1' * 39}"))) == []


def needs(text: str) -> list[str]:
    nodes, _ = read_document(text.encode(), "x.kdl")
    assert nodes is not None
    return [need.directory for need in check_document(nodes, "x.kdl").needs]


def test_the_last_transport_of_an_agent_decides_whether_a_folder_has_to_be_there() -> None:
    assert needs(document("agents", 'agent "a" { unix-socket "/run/a/s"; grpc "http://127.0.0.1:1" }')) == []
    assert needs(
        document("agents", 'agent "a" { grpc "http://127.0.0.1:1"; unix-socket { path "/run/a/s" } }')
    ) == ["/run/a"]
    assert needs(document("namespace", 'agents { agent "a" { unix-socket "/run/a/s" } }')) == []


def test_only_global_roots_have_to_be_there() -> None:
    assert needs(document("bare route", 'matches { path "/" }; static-files { root "/srv" }')) == ["/srv"]
    static = 'routes { route "r" { static-files { root "/srv" } } }'
    assert needs(document("namespace", static)) == []
