"""Secrets through the compiler: what a manifest lists, what never reaches a bundle, and what a diff tells."""

from __future__ import annotations

import hashlib
import json

import pytest

from reconciler.bundle import archive
from reconciler.bundle.build import build_bundle
from reconciler.bundle.sealed import parse_sealed
from reconciler.compile.compiler import Compilation, CompiledEnvironment, compile_snapshot
from reconciler.compile.diff.changes import Difference
from reconciler.compile.diff.compare import compare_environments
from reconciler.compile.diff.text import difference_text
from reconciler.compile.risk import Level, assess
from reconciler.compile.sealed import needed
from reconciler.config.findings import Place
from reconciler.pinned import Pinned
from tests.unit.config.trees import KEYS, UPSTREAM, sealed_text, secret, sound

POLICIES = """\
service "orders" {
    path-prefix "/orders"
    upstream "orders"
    auth "partners"
}
service "open" {
    path-prefix "/open"
    upstream "orders"
}
auth-policy "partners" {
    api-key {
        secrets "${secret:one}"
    }
    for "dev" {
        api-key {
            secrets "${secret:one}" "${secret:two}"
        }
    }
}
auth-policy "unused" {
    api-key {
        secrets "${secret:three}"
    }
}
"""
CHANNEL = """\
notification-channel "chat" {
    slack {
        url "${secret:four}"
    }
}
notification-rule "failures" {
    events "rollout.*"
    channels "chat"
}
"""
SECRETS = ("one", "two", "three", "four", "five")


def compiled(*texts: str, **versions: int) -> Compilation:
    secrets = "".join(secret(name, version=versions.get(name, 1)) for name in SECRETS)
    compilation, findings = compile_snapshot(sound(UPSTREAM, POLICIES, CHANNEL, secrets, *texts))
    assert compilation is not None, findings
    return compilation


def pinned(environment: str, what: str, version: int) -> Pinned:
    """What names the sealed value of that seed."""
    return Pinned.of(version, parse_sealed(sealed_text(environment, what)).value)


def production(compilation: Compilation) -> CompiledEnvironment:
    return next(e for e in compilation.environments if e.name == "production")


def test_an_environment_needs_what_its_files_name_and_nothing_else() -> None:
    compilation = compiled(one=3)
    assert {e.name: dict(e.secrets) for e in compilation.environments} == {
        "dev": {"one": pinned("dev", "one 3", 3), "two": pinned("dev", "two 1", 1)},
        "production": {"one": pinned("production", "one 3", 3)},
    }
    bundle = build_bundle(compilation)
    manifest = json.loads(archive.unpack(bundle.blob)["manifest.json"])
    value = parse_sealed(sealed_text("production", "one 3")).value
    assert manifest["environments"]["production"]["secrets"] == {
        "one": {"version": 3, "sha256": hashlib.sha256(value).hexdigest()}
    }


def test_everything_that_is_sealed_goes_along_with_its_place() -> None:
    sealed = compiled().sealed
    assert {(one.name, one.environment, one.version) for one in sealed} == {
        (name, environment, 1) for name in SECRETS for environment in KEYS
    }
    (first,) = [one for one in sealed if (one.name, one.environment) == ("one", "dev")]
    assert (first.project, first.text) == ("shop", sealed_text("dev", "one 1"))
    assert first.place == Place("4.kdl", 2, 18)
    assert first.text not in repr(first)


def test_json_and_back() -> None:
    compilation = compiled(one=2)
    assert (
        Compilation.from_json(json.loads(json.dumps(compilation.to_json(bytes.hex))), bytes.fromhex)
        == compilation
    )


def test_a_new_version_is_another_bundle_and_nothing_else() -> None:
    before, after = compiled(one=1), compiled(one=2)
    assert build_bundle(before).digest != build_bundle(after).digest
    assert production(before).config_id == production(after).config_id
    assert production(before).restart_key == production(after).restart_key


def test_another_value_under_the_same_version_is_another_bundle_and_no_change_to_tell() -> None:
    """The flow refuses such a commit; until then its bundle must not pass for the other one."""
    text = UPSTREAM + POLICIES + CHANNEL + "".join(secret(name) for name in SECRETS)
    other = text.replace(sealed_text("production", "one 1"), sealed_text("production", "one more"))
    before, after = (compile_snapshot(sound(one))[0] for one in (text, other))
    assert before is not None
    assert after is not None
    assert build_bundle(before).digest != build_bundle(after).digest
    assert before.snapshot_sha256 != after.snapshot_sha256
    assert difference(before, after).changes == ()


def test_a_secret_that_no_file_needs_is_in_the_snapshot_and_in_no_manifest() -> None:
    before, after = compiled(three=1), compiled(three=2)
    assert before.snapshot_sha256 != after.snapshot_sha256
    assert before.environments == after.environments


def test_what_is_sealed_reaches_no_file_of_a_bundle() -> None:
    compilation = compiled()
    files = archive.unpack(build_bundle(compilation).blob)
    for one in compilation.sealed:
        parts = parse_sealed(one.text)
        for content in files.values():
            for found in (parts.value, parts.wrapped, *(part.encode() for part in one.text.split(".")[2:])):
                assert found not in content


def test_another_wrapping_and_another_key_are_the_same_bundle() -> None:
    text = UPSTREAM + POLICIES + CHANNEL + "".join(secret(name) for name in SECRETS)
    wrapped = parse_sealed(sealed_text("production", "one 1"))
    other = sealed_text("production", "something else").split(".")[2]
    again = text.replace(
        wrapped.text(), ".".join((*wrapped.text().split(".")[:2], other, wrapped.text().split(".")[3]))
    )
    assert again != text
    digests = set()
    for one in (text, again):
        compilation, _ = compile_snapshot(sound(one))
        assert compilation is not None
        digests.add(build_bundle(compilation).digest)
    assert len(digests) == 1


@pytest.mark.parametrize(
    ("content", "names"),
    [
        (b'"${secret:one}"', {"one"}),
        (b'key-file "${secret-file:shop-key}"', {"shop-key"}),
        (b'["${secret:a}","${secret:b}"]', {"a", "b"}),
        (b'"x ${secret:one}"', set()),
        (b"${secret:one}", set()),
        (b'"${bundle:certificates/a.pem}"', set()),
    ],
)
def test_what_stands_for_a_secret(content: bytes, names: set[str]) -> None:
    assert needed([b"", content]) == names


def difference(before: Compilation, after: Compilation) -> Difference:
    return compare_environments("production", production(before), production(after))


def test_a_rotation_is_told_by_its_versions() -> None:
    found = difference(compiled(one=3), compiled(one=4))
    assert not found.same
    assert found.raw == ""
    assert "  secrets changed:\n    ~ one rotated (v3 → v4)  [routes: orders]\n" in difference_text(found)
    risk = assess(found)
    assert [(r.rule, r.routes) for r in risk.reasons] == [("secret-rotated", ("orders",))]
    assert risk.level is Level.low
    assert "from 3 to 4" in risk.reasons[0].reason


def test_a_version_that_comes_back_is_a_risk() -> None:
    found = difference(compiled(one=4), compiled(one=3))
    assert "    ~ one went back (v4 → v3)" in difference_text(found)
    assert [(r.rule, r.level) for r in assess(found).reasons] == [("secret-went-back", Level.medium)]


def test_a_secret_comes_and_goes_with_what_names_it() -> None:
    more = POLICIES.replace('secrets "${secret:one}"\n', 'secrets "${secret:one}" "${secret:five}"\n', 1)
    texts = [UPSTREAM, CHANNEL, "".join(secret(name) for name in SECRETS)]
    compilation, findings = compile_snapshot(sound(more, *texts))
    assert compilation is not None, findings
    assert "  secrets added:\n    + five (v1)  [routes: orders]\n" in difference_text(
        difference(compiled(), compilation)
    )
    assert "  secrets removed:\n    - five (v1)  [routes: orders]\n" in difference_text(
        difference(compilation, compiled())
    )


def test_what_is_not_needed_in_an_environment_is_no_difference() -> None:
    assert difference(compiled(two=1, three=1, four=1), compiled(two=2, three=2, four=2)).same
