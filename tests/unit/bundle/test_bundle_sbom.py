from __future__ import annotations

import json
import subprocess
import sys
import uuid

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from reconciler.bundle.manifest import describe
from reconciler.bundle.sbom import RuleSet, build_sbom

FILES = {
    name: describe(name.encode()) for name in ("config/dev/sentinel.kdl", "config/a/sentinel.kdl", "agents/x")
}


@pytest.fixture(scope="module")
def document() -> dict[str, object]:
    found: dict[str, object] = json.loads(build_sbom(FILES, compiler="sentinel-compiler/0.1.0"))
    return found


def test_it_is_cyclonedx_1_5(document: dict[str, object]) -> None:
    assert document["specVersion"] == "1.5"
    validator = JsonStrictValidator(SchemaVersion.V1_5)
    assert validator.validate_str(json.dumps(document)) is None
    # The validator does say no, so its None means something.
    assert validator.validate_str(json.dumps({**document, "bogus": 1})) is not None


def test_every_file_is_a_component_with_its_hash(document: dict[str, list[dict[str, object]]]) -> None:
    hashes = {c["name"]: c["hashes"] for c in document["components"] if c["type"] == "file"}
    assert hashes == {name: [{"alg": "SHA-256", "content": f.sha256}] for name, f in FILES.items()}


def test_nothing_in_it_tells_when_or_by_what_version_of_a_library_it_was_made(
    document: dict[str, object],
) -> None:
    assert document["metadata"] == {
        "component": {"bom-ref": "bundle", "name": "bundle", "type": "application"}
    }
    assert uuid.UUID(str(document["serialNumber"])).version == 5
    assert set(document) == {
        "$schema",
        "bomFormat",
        "components",
        "dependencies",
        "metadata",
        "serialNumber",
        "specVersion",
        "version",
    }


def test_the_bundle_depends_on_every_file(document: dict[str, list[dict[str, object]]]) -> None:
    assert document["dependencies"][0] == {
        "ref": "bundle",
        "dependsOn": [f"file:{name}" for name in sorted(FILES)],
    }


def test_the_same_under_every_hash_seed() -> None:
    program = f"""
from reconciler.bundle.manifest import ManifestFile
from reconciler.bundle.sbom import RuleSet, build_sbom
import sys
sys.stdout.buffer.write(build_sbom({FILES!r}, compiler="sentinel-compiler/0.1.0"))
"""
    made = {
        subprocess.run(
            [sys.executable, "-c", program], capture_output=True, check=True, env={"PYTHONHASHSEED": seed}
        ).stdout
        for seed in ("0", "1", "4242")
    }
    assert made == {build_sbom(dict(reversed(FILES.items())), compiler="sentinel-compiler/0.1.0")}


def test_other_content_has_another_serial_number(document: dict[str, object]) -> None:
    other = json.loads(build_sbom({**FILES, "agents/x": describe(b"")}, compiler="sentinel-compiler/0.1.0"))
    assert other["serialNumber"] != document["serialNumber"]


def test_rules_that_files_call_for_stand_in_it_with_their_licence() -> None:
    rules = RuleSet("owasp-crs", "4.29.0-dev", "Apache-2.0", "© CRS project")
    made = build_sbom(FILES, compiler="sentinel-compiler/0.1.0", rule_sets=(rules,))
    assert JsonStrictValidator(SchemaVersion.V1_5).validate_str(made.decode()) is None
    document = json.loads(made)
    (component,) = [c for c in document["components"] if c["bom-ref"] == "rules:owasp-crs"]
    assert component["licenses"] == [{"license": {"id": "Apache-2.0"}}]
    assert "rules:owasp-crs" in document["dependencies"][0]["dependsOn"]
    assert {"ref": "rules:owasp-crs"} in document["dependencies"]
