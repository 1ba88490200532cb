"""The bill of materials: valid, whole, the same everywhere, and without anything that is secret."""

from __future__ import annotations

import json
import subprocess
import sys
import uuid
from dataclasses import replace
from typing import Any

import pytest
from cyclonedx.output.json import JsonV1Dot5
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from reconciler.bundle import sbom
from reconciler.bundle.manifest import describe
from reconciler.bundle.sbom import Materials, RuleSet, build_sbom

CONFIGS = ("config/a/sentinel.kdl", "config/dev/sentinel.kdl")
FILES = {
    name: describe(name.encode())
    for name in (*CONFIGS, "agents/dev/waf/x.conf", "agents/dev/custom/geo.json", "plugins/geo.wasm")
}
SIX = "2001:0db8:0000:0000:0000:0000:0000:0001"
RULES = RuleSet(
    "owasp-crs", "4.29.0-dev", "Apache-2.0", "© CRS project", frozenset({"agents/dev/waf/x.conf"})
)
MATERIALS = Materials(
    files=FILES,
    compiler="sentinel-compiler/0.1.0",
    snapshot_sha256="5" * 64,
    uses={
        "config/dev/sentinel.kdl": frozenset({"agents/dev/waf/x.conf", "agents/dev/custom/geo.json"}),
        "agents/dev/custom/geo.json": frozenset({"plugins/geo.wasm"}),
    },
    endpoints={
        "config/dev/sentinel.kdl": ("http://10.0.0.1:80", "https://orders.internal:443"),
        "config/a/sentinel.kdl": ("http://10.0.0.1:81", f"https://[{SIX}]:443"),
    },
    rule_sets=(RULES,),
)


def made(**changes: Any) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(build_sbom(replace(MATERIALS, **changes)))
    return found


def by_ref(entries: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    return {entry["bom-ref"]: entry for entry in entries}


def graph(document: dict[str, Any]) -> dict[str, list[str]]:
    return {entry["ref"]: entry.get("dependsOn", []) for entry in document["dependencies"]}


def crowd(count: int) -> dict[str, tuple[str, ...]]:
    return {"config/a/sentinel.kdl": tuple(f"http://10.0.{n // 250}.{n % 250}:80" for n in range(count))}


@pytest.mark.parametrize(
    "changes",
    [{}, {"endpoints": {}}, {"endpoints": crowd(300)}, {"rule_sets": (), "uses": {}}],
    ids=["all of it", "no hosts", "many hosts", "files alone"],
)
def test_it_is_cyclonedx_1_5(changes: dict[str, Any]) -> None:
    document = made(**changes)
    validator = JsonStrictValidator(SchemaVersion.V1_5)
    assert validator.validate_str(json.dumps(document)) is None
    # The validator does say no, so its None means something.
    assert validator.validate_str(json.dumps({**document, "bogus": 1})) is not None
    refs = [*by_ref(document["components"]), *by_ref(document["services"]), "bundle"]
    assert sorted(refs) == sorted(set(refs))
    assert sorted(graph(document)) == sorted(refs)
    assert {ref for depends in graph(document).values() for ref in depends} <= set(refs)


def test_every_file_is_one_component_with_its_hash() -> None:
    found = [(c["name"], c["hashes"]) for c in made()["components"] if c["type"] == "file"]
    assert found == [(name, [{"alg": "SHA-256", "content": FILES[name].sha256}]) for name in sorted(FILES)]


def test_snapshot_and_compiler_are_components() -> None:
    components = by_ref(made()["components"])
    assert components["snapshot"] == {
        "bom-ref": "snapshot",
        "type": "data",
        "name": "snapshot",
        "data": [{"type": "configuration", "name": "snapshot"}],
        "hashes": [{"alg": "SHA-256", "content": "5" * 64}],
    }
    compiler = components["compiler"]
    assert (compiler["type"], compiler["name"], compiler["version"]) == (
        "application",
        "sentinel-compiler",
        "0.1.0",
    )


def test_rules_that_files_call_for_stand_in_it_with_their_licence() -> None:
    component = by_ref(made()["components"])["rules:owasp-crs"]
    assert component["licenses"] == [{"license": {"id": "Apache-2.0"}}]
    assert component["copyright"] == "© CRS project"


def test_hosts_are_services_with_the_ways_to_them() -> None:
    assert {name: entry["endpoints"] for name, entry in by_ref(made()["services"]).items()} == {
        "host:10.0.0.1": ["http://10.0.0.1:80", "http://10.0.0.1:81"],
        f"host:{SIX}": [f"https://[{SIX}]:443"],
        "host:orders.internal": ["https://orders.internal:443"],
    }


def test_up_to_200_hosts_are_listed_and_more_are_counted() -> None:
    assert len(made(endpoints=crowd(200))["services"]) == 200
    document = made(endpoints=crowd(201))
    assert document["services"] == [
        {
            "bom-ref": "hosts",
            "name": "upstream hosts",
            "properties": [{"name": "sentinel:hosts", "value": "201"}],
        }
    ]
    assert graph(document)["file:config/a/sentinel.kdl"] == ["hosts"]


def test_the_graph_leads_from_the_bundle_to_hosts_rules_and_plugins() -> None:
    found = graph(made())
    assert found["bundle"] == sorted(["compiler", "snapshot", *(f"file:{name}" for name in FILES)])
    assert found["file:config/dev/sentinel.kdl"] == [
        "file:agents/dev/custom/geo.json",
        "file:agents/dev/waf/x.conf",
        "host:10.0.0.1",
        "host:orders.internal",
    ]
    assert found["file:agents/dev/waf/x.conf"] == ["rules:owasp-crs"]
    assert found["file:agents/dev/custom/geo.json"] == ["file:plugins/geo.wasm"]
    assert found["file:config/a/sentinel.kdl"] == ["host:10.0.0.1", f"host:{SIX}"]
    assert found["snapshot"] == found["compiler"] == found["rules:owasp-crs"] == []


def test_nothing_in_it_tells_when_or_by_what_version_of_a_library_it_was_made(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def newer(self: JsonV1Dot5, **_: Any) -> str:
        document = json.loads(real(self))
        document["metadata"] = {"timestamp": "2030-01-01T00:00:00Z", "tools": [{"name": "newer"}]}
        document["$schema"] = "https://cyclonedx.org/elsewhere.json"
        document["annotations"] = []
        for entry in (*document["components"], *document["services"]):
            entry["x-new"] = True
        document["components"].reverse()
        return json.dumps(document, indent=2)

    before = build_sbom(MATERIALS)
    real = JsonV1Dot5.output_as_string
    monkeypatch.setattr(JsonV1Dot5, "output_as_string", newer)
    assert build_sbom(MATERIALS) == before
    assert uuid.UUID(json.loads(before)["serialNumber"]).version == 5


def test_the_same_under_every_hash_seed_and_in_every_order() -> None:
    program = f"""
from reconciler.bundle.manifest import ManifestFile
from reconciler.bundle.sbom import Materials, RuleSet, build_sbom
import sys
sys.stdout.buffer.write(build_sbom({MATERIALS!r}))
"""
    results = {
        subprocess.run(
            [sys.executable, "-c", program], capture_output=True, check=True, env={"PYTHONHASHSEED": seed}
        ).stdout
        for seed in ("0", "1", "4242")
    }
    turned = replace(
        MATERIALS,
        files=dict(reversed(FILES.items())),
        endpoints=dict(reversed(MATERIALS.endpoints.items())),
        uses=dict(reversed(MATERIALS.uses.items())),
    )
    assert results == {build_sbom(turned)}


@pytest.mark.parametrize(
    "changes", [{"files": {**FILES, "plugins/geo.wasm": describe(b"")}}, {"snapshot_sha256": "6" * 64}]
)
def test_other_content_has_another_serial_number(changes: dict[str, Any]) -> None:
    assert made(**changes)["serialNumber"] != made()["serialNumber"]


def test_every_collection_is_handed_to_the_library_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Adding to a set of the library is quadratic: 10,000 files would take minutes."""
    real = sbom.Bom
    given: list[set[str]] = []

    def watched(**fields: Any) -> Any:
        given.append(set(fields))
        return real(**fields)

    monkeypatch.setattr(sbom, "Bom", watched)
    made()
    assert given == [{"components", "services", "serial_number"}]
