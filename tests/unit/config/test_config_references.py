"""Between resources: names that lead nowhere, environments in a circle, the tree as a whole."""

from __future__ import annotations

import pytest

from reconciler.config import limits
from reconciler.config.snapshot import read_snapshot
from reconciler.config.source import SourceFile
from tests.unit.config.trees import BASE, SERVICE, UPSTREAM, brief, files, read, sound


def environment(name: str, *after: str) -> str:
    line = f"    after {' '.join(after)}\n" if after else ""
    return f'environment "{name}" {{\n    proxy-version "0.6.20"\n{line}}}\n'


def test_a_name_that_stands_for_nothing_has_a_suggestion() -> None:
    _, (finding,) = read(SERVICE.replace('upstream "orders"', 'upstream "oders"'), UPSTREAM)
    assert brief((finding,)) == ["E-REF-001 1.kdl:3:14"]
    assert finding.hint == "did you mean 'orders'?"


def test_a_resource_has_to_be_in_the_environment_that_needs_it() -> None:
    _, (finding,) = read(SERVICE, UPSTREAM.replace("{", '{\n    only "dev"', 1))
    assert brief((finding,)) == ["E-REF-002 1.kdl:3:14"]
    assert "in production" in finding.message


def test_an_override_may_name_another_one_there() -> None:
    service = SERVICE.replace("}", '    for "production" {\n        upstream "other"\n    }\n}')
    upstream = UPSTREAM.replace("{", '{\n    only "dev"', 1)
    assert sound(service, upstream, UPSTREAM.replace("orders", "other"))
    _, findings = read(service, upstream)
    assert brief(findings) == ["E-REF-001 1.kdl:5:18"]


@pytest.mark.parametrize(
    ("texts", "found"),
    [
        ([environment("x", "x")], ["E-REF-004 1.kdl:3:11"]),
        ([environment("x", "y"), environment("y", "x")], ["E-REF-004 1.kdl:3:11", "E-REF-004 2.kdl:3:11"]),
        (
            [environment("x", "y"), environment("y", "z"), environment("z", "y")],
            ["E-REF-004 2.kdl:3:11", "E-REF-004 3.kdl:3:11"],
        ),
        ([environment("x", "dve")], ["E-REF-001 1.kdl:3:11"]),
    ],
)
def test_circles(texts: list[str], found: list[str]) -> None:
    _, findings = read(*texts)
    assert brief(findings) == found


def test_promotion_order_follows_after_and_then_names() -> None:
    extra = [environment("a", "production"), environment("b"), environment("c", "a", "b")]
    assert sound(SERVICE, UPSTREAM, *extra).environments == ("b", "dev", "production", "a", "c")


def test_the_same_name_twice() -> None:
    _, (finding,) = read(SERVICE, UPSTREAM, SERVICE)
    assert brief((finding,)) == ["E-KND-011 3.kdl:1:9"]
    assert "1.kdl" in finding.message


@pytest.mark.parametrize(
    ("base", "found"),
    [
        (BASE.replace('project "shop"\n', ""), ["E-KND-012"]),
        (BASE + 'project "zoo"\n', ["E-KND-012 base.kdl:16:9"]),
        ('project "shop"\n', ["E-KND-012"]),
        ("", ["E-KND-012", "E-KND-012"]),
    ],
)
def test_one_project_and_some_environment(base: str, found: list[str]) -> None:
    _, findings = read_snapshot([SourceFile("base.kdl", base.encode())])
    assert brief(findings) == found


def test_other_files_are_not_read() -> None:
    tree = [*files(SERVICE, UPSTREAM), SourceFile("README.md", b"\xff"), SourceFile("x.kdl.orig", b"\xff")]
    snapshot, findings = read_snapshot(tree)
    assert (snapshot is not None, findings) == (True, ())


def test_limits_of_a_tree(monkeypatch: pytest.MonkeyPatch) -> None:
    assert brief(read_snapshot([])[1]) == ["E-TRE-001"]
    monkeypatch.setattr(limits, "FILES", 2)
    assert brief(read(SERVICE, UPSTREAM)[1]) == ["E-TRE-002"]
    monkeypatch.setattr(limits, "FILES", 9)
    monkeypatch.setattr(limits, "TOTAL_BYTES", 100)
    assert brief(read(SERVICE, UPSTREAM)[1]) == ["E-TRE-003"]
    monkeypatch.setattr(limits, "TOTAL_BYTES", 9999)
    monkeypatch.setattr(limits, "NODES_IN_TREE", 10)
    assert "E-TRE-003 base.kdl:1:1" in brief(read(SERVICE, UPSTREAM)[1])
    monkeypatch.setattr(limits, "NODES_IN_TREE", 999)
    monkeypatch.setattr(limits, "ENVIRONMENTS", 1)
    assert brief(read(SERVICE, UPSTREAM)[1]) == ["E-TRE-005 base.kdl:5:13"]


def test_many_unreadable_files_end_with_a_count(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "UNREADABLE_FILES", 2)
    _, findings = read("a {", "b {", "c {", "d {")
    assert brief(findings) == ["E-SYN-006 1.kdl:1:3", "E-SYN-006 2.kdl:1:3", "E-TRE-004 3.kdl:1:1"]


def test_a_file_of_something_else_is_cut_short() -> None:
    _, findings = read("".join(f"line{n} {n}\n" for n in range(5000)))
    assert len(findings) == limits.FINDINGS_IN_FILE + 1


def test_what_an_unreadable_file_may_hold_is_not_missed() -> None:
    _, findings = read(SERVICE, UPSTREAM + "}")
    assert brief(findings) == ["E-SYN-006 2.kdl:4:1"]
