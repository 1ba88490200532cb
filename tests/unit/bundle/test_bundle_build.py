"""The bundle of the template repository: a pure function of its resources."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import pytest

from reconciler.bundle import archive, build
from reconciler.bundle.build import BuiltBundle, build_bundle
from reconciler.bundle.manifest import check_files
from reconciler.compile.compiler import COMPILER, Compilation, compile_snapshot
from reconciler.config.snapshot import read_snapshot
from reconciler.config.source import SourceFile
from reconciler.errors import Refused

ROOT = Path(__file__).resolve().parents[3]
TEMPLATE = ROOT / "repo-template"
FILES = [
    SourceFile(p.relative_to(TEMPLATE).as_posix(), p.read_bytes()) for p in sorted(TEMPLATE.rglob("*.kdl"))
]

PROGRAM = f"""
import sys
sys.path.insert(0, {str(ROOT)!r})
from tests.unit.bundle.test_bundle_build import FILES, bundle
print(bundle(FILES).digest)
"""


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


def test_the_same_digest_whenever_and_wherever_it_is_made(tmp_path: Path) -> None:
    digests = set()
    for seed, zone, folder in (
        ("0", "UTC", tmp_path),
        ("1", "Asia/Tokyo", ROOT),
        ("4242", "America/Lima", tmp_path),
    ):
        done = subprocess.run(
            [sys.executable, "-c", PROGRAM],
            env={**os.environ, "PYTHONHASHSEED": seed, "TZ": zone},
            cwd=folder, capture_output=True, text=True, check=True,
        )  # fmt: skip
        digests.add(done.stdout.strip())
    assert digests == {bundle(FILES).digest}


def test_layout_of_files_and_comments_do_not_reach_the_digest() -> None:
    one = b"// Everything in one file.\n" + b"\n\n".join(file.content for file in reversed(FILES))
    assert bundle([SourceFile("all.kdl", one)]).tar == bundle(FILES).tar


def test_another_compiler_gives_another_digest(monkeypatch: pytest.MonkeyPatch) -> None:
    before = bundle(FILES).digest
    monkeypatch.setattr(build, "COMPILER", "sentinel-compiler/9.9.9")
    assert bundle(FILES).digest != before


def test_further_files_lie_in_the_folder_of_their_environment() -> None:
    compilation = compiled(FILES)
    first, *rest = compilation.environments
    more = replace(compilation, environments=(replace(first, files={"tls/site.pem": b"public"}), *rest))
    assert archive.unpack(build_bundle(more).blob)[f"config/{first.name}/tls/site.pem"] == b"public"


@pytest.mark.parametrize(("name", "code"), [("../x", "E-BND-001"), ("sentinel.kdl", "E-BND-007")])
def test_what_no_node_would_accept_is_not_built(name: str, code: str) -> None:
    compilation = compiled(FILES)
    first, *rest = compilation.environments
    with pytest.raises(Refused) as caught:
        build_bundle(replace(compilation, environments=(replace(first, files={name: b""}), *rest)))
    assert caught.value.code == code
