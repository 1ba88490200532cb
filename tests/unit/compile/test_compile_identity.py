"""The same meaning, the same bytes; what a restart is needed for and what not."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from itertools import permutations

import pytest

from reconciler.bundle.build import build_bundle
from reconciler.compile.compiler import Compilation, CompiledEnvironment, compile_snapshot
from reconciler.config.snapshot import read_snapshot
from reconciler.config.source import SourceFile
from tests.unit.config.trees import BASE, ROOT, SERVICE, TEMPLATE, UPSTREAM, sound

CHECKED = UPSTREAM.replace("\n}", '\n    health-check {\n        path "/x"\n    }\n}')


def compiled(*texts: str) -> Compilation:
    compilation, findings = compile_snapshot(sound(*texts))
    assert compilation is not None, findings
    return compilation


def dev(*texts: str) -> CompiledEnvironment:
    return compiled(*texts).environments[0]


def test_the_config_id_is_the_hash_of_the_text_without_the_marker() -> None:
    plain = dev(SERVICE, UPSTREAM)
    marker = f'    filter "sentinel-config-{plain.config_id}" {{\n        type "log"\n    }}\n'
    text = plain.config.decode()
    assert text.count(marker) == 1
    without = text.replace(f"filters {{\n{marker}}}\n", "")
    assert hashlib.sha256(without.encode()).hexdigest()[:16] == plain.config_id
    timed = dev(SERVICE.replace("\n}", '\n    timeouts {\n        response "1s"\n    }\n}'), UPSTREAM)
    marker = marker.replace(plain.config_id, timed.config_id)
    without = timed.config.decode().replace(marker, "")
    assert hashlib.sha256(without.encode()).hexdigest()[:16] == timed.config_id


def test_the_oldest_agent_is_each_environments_own_and_part_of_the_bundle_alone() -> None:
    two = 'environment "prod" {\n    proxy-version "0.6.20"\n    after "dev"\n%s}\n'
    plain, limited = (compiled(SERVICE, UPSTREAM, two % text) for text in ("", '    agent-version "0.2.0"\n'))
    found = {one.name: one.agent_version for one in limited.environments}
    assert found == {"dev": "", "prod": "0.2.0", "production": ""}
    assert [one.config_id for one in plain.environments] == [one.config_id for one in limited.environments]
    bundles = [build_bundle(one) for one in (plain, limited)]
    assert bundles[1].manifest.environments["prod"].agent_version == "0.2.0"
    assert len({bundle.digest for bundle in bundles}) == 2
    assert plain.snapshot_sha256 != limited.snapshot_sha256, "a compilation is kept by it"


def test_order_layout_and_comments_change_nothing() -> None:
    blocks = [
        BASE,
        SERVICE,
        UPSTREAM,
        SERVICE.replace('"orders" {', '"other" {\n    hosts "b.example" "a.example"'),
    ]
    shuffled = [
        blocks[3].replace('"b.example" "a.example"', '"a.example"; hosts "b.example" // why'),
        *blocks[:3],
    ]
    found = set()
    for order in permutations(shuffled):
        tree = [SourceFile(f"{n}/{n}.kdl", text.encode()) for n, text in enumerate(order)]
        snapshot, findings = read_snapshot(tree)
        assert snapshot is not None, findings
        compilation, _ = compile_snapshot(snapshot)
        assert compilation is not None
        found.add(json.dumps(compilation.to_json(bytes.hex)))
    found.add(json.dumps(compiled(*blocks[1:]).to_json(bytes.hex)))
    assert len(found) == 1


def test_the_hash_seed_changes_nothing() -> None:
    script = (
        "import sys, hashlib, json; from pathlib import Path; from reconciler.cli.folder import config_files\n"
        "from reconciler.config.snapshot import read_snapshot\n"
        "from reconciler.compile.compiler import compile_snapshot\n"
        "files = config_files(Path(sys.argv[1]))\n"
        "print(hashlib.sha256(json.dumps(compile_snapshot(read_snapshot(files)[0])[0].to_json(bytes.hex)).encode()).hexdigest())"
    )
    answers = {
        subprocess.run(
            [sys.executable, "-c", script, str(TEMPLATE)],
            cwd=ROOT,
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            check=True,
            text=True,
        ).stdout
        for seed in ("0", "1", "42")
    }
    assert len(answers) == 1


@pytest.mark.parametrize(
    ("texts", "same_key"),
    [
        pytest.param((SERVICE, CHECKED.replace("10.0.0.1", "10.0.0.9")), True, id="a target"),
        pytest.param((SERVICE.replace("/orders", "/o"), CHECKED), True, id="a path"),
        pytest.param((SERVICE.replace("\n}", "\n    attempts 2\n}"), CHECKED), True, id="attempts"),
        pytest.param(
            (SERVICE, CHECKED, *(text.replace("orders", "other") for text in (SERVICE, UPSTREAM))),
            True,
            id="a service with an upstream without check",
        ),
        pytest.param((SERVICE, CHECKED.replace("/x", "/y")), False, id="a health check"),
        pytest.param((SERVICE, UPSTREAM), False, id="no health check"),
        pytest.param(
            (SERVICE, CHECKED, 'listener "b" {\n    address "127.0.0.1:1"\n}\n'), False, id="a listener"
        ),
    ],
)
def test_the_restart_key_follows_what_the_proxy_reads_only_at_start(
    texts: tuple[str, ...], same_key: bool
) -> None:
    before, after = dev(SERVICE, CHECKED), dev(*texts)
    assert before.config_id != after.config_id
    assert (before.restart_key == after.restart_key) is same_key


def test_another_admin_port_is_a_restart_and_another_policy_is_nothing() -> None:
    extra = 'environment "x" {\n    proxy-version "0.6.20"\n}\n'
    plain = compiled(SERVICE, UPSTREAM, extra).environments[-1]
    moved = compiled(SERVICE, UPSTREAM, extra.replace("\n}", "\n    admin-port 9000\n}")).environments[-1]
    slow = compiled(
        SERVICE, UPSTREAM, extra.replace("\n}", '\n    policy { min-healthy "9s"; }\n}')
    ).environments[-1]
    assert plain.name == moved.name == "x"
    assert plain.restart_key != moved.restart_key
    assert plain == slow


def test_json_and_back() -> None:
    compilation = compiled(SERVICE, UPSTREAM)
    assert (
        Compilation.from_json(json.loads(json.dumps(compilation.to_json(bytes.hex))), bytes.fromhex)
        == compilation
    )
