"""`sentinelctl init`: keys for environments, and a repository whose secrets are sealed for them and for nobody else."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from reconciler import clock
from reconciler.bundle.sealed import Label, open_value, parse_sealed, unwrap
from reconciler.cli.folder import config_files
from reconciler.cli.init import command
from reconciler.cli.validate import check
from reconciler.config.installation import read_installation
from reconciler.config.kdl import parse_file
from reconciler.config.pem import certificates
from reconciler.embedded.template import template_files
from reconciler.errors import Stalled
from reconciler.flows.founding_repository import FORMS, founded
from reconciler.keys.private import read_private_key
from reconciler.keys.uri import load_sealing_key

ENVIRONMENTS = ("dev", "staging", "production")


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def init(*arguments: str, project: str = "shop") -> Result:
    options = (
        "deploy",
        "--organization",
        "acme",
        "--project",
        project,
        "--repository",
        "https://forge.example/f.git",
    )
    return CliRunner().invoke(command, [*options, *arguments])


def opened(folder: Path, project: str) -> dict[tuple[str, str], bytes]:
    """Every sealed value of a repository, opened with the keys that the server configuration names."""
    config = Path("deploy/control-plane.kdl")
    installation, findings = read_installation(config.read_bytes(), config.name)
    assert installation is not None, findings
    found = installation.project(project)
    assert found is not None
    keys = {e: load_sealing_key(uri, folder=config.parent, environ={}) for e, uri in found.sealing_keys}
    assert set(keys) == set(ENVIRONMENTS)
    values = {}
    file, _ = parse_file((folder / "secrets.kdl").read_bytes(), "secrets.kdl")
    assert file is not None
    for node in file.nodes:
        name = str(node.arguments[0])
        for child in node.children:
            if child.name == "sealed":
                environment, text = map(str, child.arguments)
                sealed = parse_sealed(text)
                data_key = unwrap(sealed.wrapped, keys[environment])
                assert child.properties == {"version": 1, "rotated": clock.now().date().isoformat()}
                values[(name, environment)] = open_value(
                    sealed.value, data_key, Label(project, environment, name, 1)
                )
    return values


@pytest.mark.parametrize("project", ["shop", "zoo"])
def test_a_repository_to_begin_with_is_sealed_for_the_new_keys(project: str) -> None:
    result = init("--start", "fleet", project=project)
    assert result.exit_code == 0, result.output
    fleet = Path("fleet")
    values = opened(fleet, project)
    chain = certificates((fleet / "certificates/shop.pem").read_bytes())
    (pem,) = {values.pop(("shop-key", environment)) for environment in ENVIRONMENTS}
    assert read_private_key(pem, "shop-key").public == chain[0].public_key
    assert {name for name, _ in values} == {"partner-key", "slack-releases", "pagerduty-edge"}
    assert len(set(values.values())) == len(values)
    for (name, _), value in values.items():
        if name == "partner-key":
            assert re.fullmatch(rb"[A-Za-z0-9_-]{43}:partner", value)
        elif name == "slack-releases":
            assert value.startswith(b"https://hooks.slack.example/services/")
        else:
            assert re.fullmatch(rb"[A-Za-z0-9_-]{43}", value)
        assert value not in b"".join(path.read_bytes() for path in fleet.rglob("*") if path.is_file())
    compilation, findings = check(config_files(fleet))
    assert compilation is not None, findings
    assert not (fleet / FORMS).exists()
    assert (fleet / "CODEOWNERS").read_bytes() == template_files()["CODEOWNERS"]
    for environment in ENVIRONMENTS:
        key = Path(f"deploy/keys/release/{project}-{environment}.sealing")
        assert key.stat().st_mode & 0o777 == 0o600


def test_running_it_again_keeps_keys_and_says_what_is_lacking() -> None:
    first = init()
    assert first.exit_code == 0, first.output
    keys = {path: path.read_bytes() for path in Path("deploy/keys").rglob("*") if path.is_file()}
    again = init("--environment", "dev", "--environment", "canary")
    assert again.exit_code == 0, again.output
    assert {path: path.read_bytes() for path in keys} == keys
    lacking = 'lacks this line: sealing-key "canary" "file:keys/release/shop-canary.sealing"'
    assert lacking in again.output
    assert again.output.count("lacks this line") == 1
    (public,) = re.findall(r'environment "dev": sealing-key "([0-9a-f]{64})"', first.output)
    assert public in again.output


def test_a_folder_with_something_in_it_is_left_alone() -> None:
    Path("fleet").mkdir()
    Path("fleet/mine").write_text("x")
    assert init("--start", "fleet").exit_code == 2
    assert not Path("deploy").exists()
    assert [path.name for path in Path("fleet").iterdir()] == ["mine"]


def test_a_template_needs_a_key_for_each_of_its_environments() -> None:
    with pytest.raises(Stalled, match="E-INS-102"):
        founded(template_files(), "shop", {"dev": bytes([9]) + bytes(31)}, today=clock.now().date())
    with pytest.raises(Stalled, match="E-INS-101"):
        founded({"a.kdl": b"a {"}, "shop", {}, today=clock.now().date())


def test_the_template_as_it_is_holds_nothing_that_anybody_can_open() -> None:
    """What stands in the template is sealed for keys that were thrown away, and is never handed on."""
    before = template_files()["secrets.kdl"].decode()
    publics = {name: bytes([9]) + bytes(31) for name in ENVIRONMENTS}
    after = founded(template_files(), "shop", publics, today=clock.now().date())["secrets.kdl"].decode()
    values = re.findall(r'"(v1\.[^"]+)"', before)
    assert len(values) == before.count("\n    sealed ")
    assert all(part not in after for value in values for part in value.split(".")[1:])
