"""The bundle of the template repository: a pure function of its resources."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import pytest

from reconciler.bundle import archive, build
from reconciler.bundle.build import BuiltBundle, build_bundle
from reconciler.bundle.manifest import check_files
from reconciler.cli.folder import config_files
from reconciler.compile.compiler import COMPILER, Compilation, compile_snapshot
from reconciler.config.snapshot import read_snapshot
from reconciler.config.source import LANGUAGE, SourceFile
from reconciler.errors import Refused

ROOT = Path(__file__).resolve().parents[3]
TEMPLATE = ROOT / "repo-template"
FILES = config_files(TEMPLATE)


def compiled(files: Iterable[SourceFile]) -> Compilation:
    snapshot, findings = read_snapshot(files)
    assert snapshot is not None, findings
    compilation, findings = compile_snapshot(snapshot)
    assert compilation is not None, findings
    return compilation


def bundle(files: Iterable[SourceFile]) -> BuiltBundle:
    return build_bundle(compiled(files))


def test_the_manifest_names_every_environment_as_it_was_compiled() -> None:
    compilation = compiled(FILES)
    files = archive.unpack(build_bundle(compilation).blob)
    manifest = check_files(files)
    assert manifest.compiler == COMPILER
    assert {name: (e.config_id, e.restart_key) for name, e in manifest.environments.items()} == {
        e.name: (e.config_id, e.restart_key) for e in compilation.environments
    }
    for environment in compilation.environments:
        assert files[f"config/{environment.name}/sentinel.kdl"] == environment.config


def test_layout_of_files_and_comments_do_not_reach_the_digest() -> None:
    language = [file for file in FILES if file.path.endswith(LANGUAGE)]
    others = [file for file in FILES if file not in language]
    one = b"// Everything in one file.\n" + b"\n\n".join(file.content for file in reversed(language))
    assert bundle([SourceFile("all.kdl", one), *others]).tar == bundle(FILES).tar


def test_another_compiler_gives_another_digest(monkeypatch: pytest.MonkeyPatch) -> None:
    before = bundle(FILES).digest
    monkeypatch.setattr(build, "COMPILER", "sentinel-compiler/9.9.9")
    assert bundle(FILES).digest != before


def with_files(compilation: Compilation, *files: dict[str, bytes]) -> Compilation:
    """The compilation with these further files in its first environments, and none in the others."""
    environments = [replace(environment, files={}) for environment in compilation.environments]
    for index, one in enumerate(files):
        environments[index] = replace(environments[index], files=one)
    return replace(compilation, environments=tuple(environments))


def test_further_files_lie_where_their_names_say_in_manifest_and_bill_of_materials() -> None:
    files = archive.unpack(build_bundle(with_files(compiled(FILES), {"agents/dev/auth/a.json": b"{}"})).blob)
    assert files["agents/dev/auth/a.json"] == b"{}"
    assert "agents/dev/auth/a.json" in check_files(files).files
    components = json.loads(files["sbom.cdx.json"])["components"]
    assert "agents/dev/auth/a.json" in {component["name"] for component in components}


def test_environments_may_share_a_file_of_the_same_bytes_only() -> None:
    compilation = compiled(FILES)
    shared = build_bundle(with_files(compilation, {"trust/a.pem": b"a"}, {"trust/a.pem": b"a"}))
    assert archive.unpack(shared.blob)["trust/a.pem"] == b"a"
    with pytest.raises(Refused) as caught:
        build_bundle(with_files(compilation, {"trust/a.pem": b"a"}, {"trust/a.pem": b"b"}))
    assert caught.value.code == "E-BND-007"


def test_a_bundle_with_a_waf_policy_names_the_rules_and_their_licence() -> None:
    def rule_sets(files: dict[str, bytes]) -> list[dict[str, object]]:
        made = archive.unpack(build_bundle(with_files(compiled(FILES), files)).blob)
        components = json.loads(made["sbom.cdx.json"])["components"]
        return [component for component in components if "licenses" in component]

    assert rule_sets({"agents/dev/auth/waf.json": b""}) == []
    (found,) = rule_sets({"agents/dev/waf/public.conf": b""})
    assert (found["name"], found["version"]) == ("owasp-crs", "4.29.0-dev")
    assert found["licenses"] == [{"license": {"id": "Apache-2.0"}}]


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("../x", "E-BND-001"),
        ("config/dev/sentinel.kdl", "E-BND-007"),
        ("config/production/sentinel.kdl", "E-BND-007"),
        ("manifest.json", "E-BND-007"),
        ("sbom.cdx.json", "E-BND-007"),
    ],
)
def test_what_no_node_would_accept_is_not_built(name: str, code: str) -> None:
    with pytest.raises(Refused) as caught:
        build_bundle(with_files(compiled(FILES), {name: b""}))
    assert caught.value.code == code
