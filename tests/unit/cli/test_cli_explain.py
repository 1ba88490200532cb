"""`sentinelctl explain`: kinds with what the proxy does, features, codes."""

from __future__ import annotations

import pytest
from click.testing import CliRunner, Result

from reconciler.cli.explain import command
from reconciler.compile.support import FEATURES
from reconciler.config.codes import CODES
from reconciler.config.kinds import KINDS


def explain(*arguments: str) -> Result:
    return CliRunner().invoke(command, list(arguments))


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_a_kind_is_explained_with_every_field_and_its_support(kind: str) -> None:
    result = explain(kind)
    assert result.exit_code == 0
    assert KINDS[kind].field.doc in result.output
    assert all(f"\n{field.name}" in result.output for field in KINDS[kind].field.children)
    for name, feature in FEATURES.items():
        if name == kind or name.startswith(f"{kind}."):
            assert f"{name}: {feature.what}: " in result.output


@pytest.mark.parametrize("name", sorted(set(FEATURES) - set(KINDS)))
def test_a_feature_is_explained_with_its_level_and_what_to_do_instead(name: str) -> None:
    result = explain(name)
    assert result.exit_code == 0
    assert FEATURES[name].what in result.output
    assert FEATURES[name].instead in result.output


@pytest.mark.parametrize("code", [*sorted(CODES), "E-GIT-120", "E-VER-001"])
def test_a_code_is_explained(code: str) -> None:
    result = explain(code.lower())
    assert result.exit_code == 0
    assert result.output.startswith(code)
    assert len(result.output.splitlines()) > 1


def test_the_kinds_are_listed_and_a_typing_mistake_is_answered() -> None:
    assert [line.split()[0] for line in explain().output.splitlines()] == list(KINDS)
    result = explain("servise")
    assert result.exit_code == 2
    assert "Did you mean 'service'?" in result.output


def test_what_is_nothing_like_anything_is_answered_with_where_the_kinds_are() -> None:
    result = explain("\x1b[31mnonsense")
    assert result.exit_code == 2
    assert "the kinds are listed" in result.output
    assert "\x1b" not in result.output
