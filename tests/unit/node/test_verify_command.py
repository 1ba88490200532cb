"""`sentinelctl verify` and `sentinel-node verify`: one command, offline, that says what it checked and what not."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from reconciler.bundle.checklist import CHECKS
from reconciler.bundle.root import sign_root
from reconciler.cli.main import group as sentinelctl
from reconciler.node.main import group as sentinel_node
from tests.unit.bundle.offers import key, offer, root
from tests.unit.node.test_node_command import SERVER_PARTS

AT = ("--now", "2026-11-23T21:00:00Z")
FOR = "acme/shop/production/base"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A bundle laid out as the object store and its mirrors do."""
    made = offer()
    stem = made.pointer.digest.removeprefix("sha256:")
    for name, content in {
        f"bundles/{stem}.tar.zst": made.blob,
        f"statements/{stem}.json": made.statement_bytes(),
        "pointer.json": made.pointer_bytes(),
        "roots/1.json": made.root_bytes(),
        "roots/2.json": sign_root(root(version=2), [key("root")]),
    }.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(content)
    return tmp_path


def blob(folder: Path) -> Path:
    return next((folder / "bundles").iterdir())


def verify(folder: Path, *arguments: Any, program: Any = sentinelctl) -> Result:
    result = CliRunner().invoke(program, ["verify", *map(str, arguments)])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result


def whole(folder: Path) -> tuple[Any, ...]:
    return (
        blob(folder),
        "--root",
        folder / "roots",
        "--pointer",
        folder / "pointer.json",
        "--audience",
        FOR,
        *AT,
    )


@pytest.mark.parametrize("program", [sentinelctl, sentinel_node], ids=["sentinelctl", "sentinel-node"])
def test_every_check_is_printed_with_its_outcome(folder: Path, program: Any) -> None:
    done = verify(folder, *whole(folder), program=program)
    assert done.exit_code == 0, done.output
    lines = done.output.splitlines()
    for number, check in enumerate(CHECKS):
        assert lines[number].split("  ")[0].strip() == str(check.number)
        assert check.title in lines[number]
        assert "  pass  " in lines[number]
    assert "Not checked here:" in done.output
    assert lines[-1].startswith("good: ")


def test_without_a_pointer_the_statement_is_found_beside_the_bundle(folder: Path) -> None:
    done = verify(folder, blob(folder), "--root", folder / "roots" / "1.json", *AT)
    assert done.exit_code == 0, done.output
    assert done.output.count("skipped      no pointer was given") == 5
    assert "Who should run this bundle" in done.output


def test_a_refusal_says_which_check_and_leaves_the_rest_unreached(folder: Path) -> None:
    blob(folder).write_bytes(blob(folder).read_bytes() + b"x")
    done = verify(folder, *whole(folder))
    assert done.exit_code == 1
    assert "REFUSED at check 8: E-VER-009" in done.output
    assert done.output.count("not reached") == 3
    assert "good" not in done.output.splitlines()[-1]


def test_json_has_the_same(folder: Path) -> None:
    good = json.loads(verify(folder, *whole(folder), "--json").output)
    assert good["good"] is True
    assert [check["outcome"] for check in good["checks"]] == ["passed"] * len(CHECKS)
    assert good["accepted"]["bundle"] == offer().pointer.digest
    assert good["not_checked"]
    (folder / "pointer.json").write_bytes(b"{}")
    done = verify(folder, *whole(folder), "--json")
    bad = json.loads(done.output)
    assert (done.exit_code, bad["good"]) == (1, False)
    assert bad["checks"][2] == {
        "number": 3, "title": "Pointer signature", "outcome": "failed", "code": "E-VER-014",
        "message": bad["checks"][2]["message"],
    }  # fmt: skip
    assert "bundle" not in bad["accepted"]


def test_expiry_is_judged_at_the_given_time(folder: Path) -> None:
    arguments = [a for a in whole(folder) if a not in AT]
    assert verify(folder, *arguments, "--now", "2026-11-25T00:00:00Z").exit_code == 1
    assert verify(folder, *arguments, "--now", "2026-11-23T23:00:00+02:00").exit_code == 0


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        pytest.param(["--pointer", "pointer.json"], "go together", id="a pointer for nobody"),
        pytest.param(["--audience", FOR], "go together", id="an audience without a pointer"),
        pytest.param(
            ["--pointer", "pointer.json", "--audience", "acme/shop"], "is not like", id="half an audience"
        ),
        pytest.param(["--now", "yesterday"], "is not a time", id="no time"),
        pytest.param(["--now", "2026-11-23T20:00:00"], "is not a time", id="a time without a zone"),
        pytest.param(["--root", "bundles"], "There is no *.json", id="a folder without roots"),
        pytest.param(["--root", "absent"], "does not exist", id="no such root"),
        pytest.param(["--statement", "absent"], "does not exist", id="no such statement"),
    ],
)
def test_wrong_usage_is_no_verdict(folder: Path, arguments: list[str], said: str) -> None:
    known = {"pointer.json", "bundles", "absent"}
    given = [str(folder / a) if a in known else a for a in arguments]
    root_given = [] if "--root" in arguments else ["--root", folder / "roots"]
    done = verify(folder, blob(folder), *root_given, *given)
    assert (done.exit_code, "Error" in done.output) == (2, True)
    assert said in done.output


def test_what_is_missing_is_named(folder: Path) -> None:
    alone = folder / "alone.tar.zst"
    alone.write_bytes(blob(folder).read_bytes())
    done = verify(folder, alone, "--root", folder / "roots")
    assert done.exit_code == 2
    assert "alone.json" in done.output
    (folder / "alone.json").write_bytes(offer().statement_bytes())
    assert verify(folder, alone, "--root", folder / "roots", *AT).exit_code == 0
    assert "name one with --root" in verify(folder, alone).output


def test_a_file_without_end_is_read_up_to_its_cap(folder: Path) -> None:
    done = verify(folder, blob(folder), "--root", folder / "roots", "--statement", "/dev/zero", *AT)
    assert done.exit_code == 1
    assert "REFUSED at check 1: E-VER-001" in done.output


def test_it_needs_the_base_install_alone(folder: Path) -> None:
    program = f"""
import sys
class Block:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {(*SERVER_PARTS, "urllib3")!r}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)
        if name.startswith(("web", "reconciler.config", "reconciler.db", "reconciler.jobs", "reconciler.settings")):
            raise ImportError(name)
sys.meta_path.insert(0, Block())
from reconciler.cli.main import main
sys.argv = ["sentinelctl", "verify", *{[str(a) for a in whole(folder)]!r}]
main()
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines()[-1].startswith("good: ")


def test_a_node_uses_its_own_root(folder: Path, tmp_path: Path) -> None:
    from reconciler.node.files import NodeFiles
    from reconciler.node.state import NodeState

    files = NodeFiles(tmp_path / "home")
    files.prepare()
    files.save_state(NodeState(root=offer().root_bytes().decode()))
    arguments = ["--home", str(files.home), "verify", str(blob(folder)), *AT]
    done = CliRunner().invoke(sentinel_node, arguments)
    assert done.exit_code == 0, done.output
