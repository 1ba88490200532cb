"""What environments have in common is compiled once, and comes out as if each had been compiled by itself."""

from __future__ import annotations

import itertools
from dataclasses import replace

import pytest

from reconciler.compile.compiler import compile_snapshot
from reconciler.config.snapshot import Snapshot
from tests.unit.config.trees import sound

SERVICE = """\
service "orders" {{
    hosts "shop.example"
    path-prefix "/orders"
    upstream "orders"
    {extra}
}}
upstream "orders" {{
    target "10.0.0.1:80"
}}
"""
CASES = {
    "the same everywhere": (SERVICE.format(extra=""),),
    "another in one": (SERVICE.format(extra='for "production" {\n        priority 7\n    }'),),
    "missing in one": (
        SERVICE.format(extra=""),
        'service "more" {\n    only "production"\n    path "/more"\n    upstream "orders"\n}\n',
    ),
    "files": (SERVICE.format(extra='waf "strict"'), 'waf-policy "strict" {\n    mode "block"\n}\n'),
}


def alone(snapshot: Snapshot, name: str) -> Snapshot:
    """The snapshot with one environment."""
    return replace(snapshot, policies=tuple(policy for policy in snapshot.policies if policy.name == name))


@pytest.mark.parametrize("case", CASES)
def test_each_environment_is_what_it_is_by_itself(case: str) -> None:
    snapshot = sound(*CASES[case])
    together, findings = compile_snapshot(snapshot)
    assert together is not None, findings
    assert len(together.environments) > 1
    for environment in together.environments:
        by_itself, _ = compile_snapshot(alone(snapshot, environment.name))
        assert by_itself is not None
        assert by_itself.environments == (environment,)


def test_files_of_one_environment_are_not_those_of_another() -> None:
    compilation, findings = compile_snapshot(sound(*CASES["files"]))
    assert compilation is not None, findings
    for environment in compilation.environments:
        assert list(environment.files) == [f"agents/{environment.name}/waf/strict.conf"]


def test_the_same_objection_is_told_of_every_environment_that_has_it() -> None:
    clash = (
        'service "other" {\n    hosts "shop.example"\n    path-prefix "/orders"\n    upstream "orders"\n}\n'
    )
    snapshot = sound(*CASES["the same everywhere"], clash)
    compilation, findings = compile_snapshot(snapshot)
    assert compilation is None
    (found,) = [finding for finding in findings if finding.code == "E-CMP-005"]
    assert found.message.endswith(f"(in {', '.join(snapshot.environments)})")


def test_renderings_of_other_data_have_other_ingredients() -> None:
    for case, texts in CASES.items():
        snapshot = sound(*texts)
        renderings = [snapshot.rendering(name) for name in snapshot.environments]
        same = [a.ingredients() == b.ingredients() for a, b in itertools.combinations(renderings, 2)]
        assert all(same) is (case in ("the same everywhere", "files")), case
