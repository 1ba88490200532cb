"""The agent's configuration file: it says what flags and environment say, and what it does not know is refused."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import ckdl
import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st

from reconciler.errors import ReconcilerError
from reconciler.node.config_file import HTTP_PROXY, keys_of
from reconciler.node.flat_kdl import NotFlat, read_flat
from reconciler.node.main import group

ROOT = Path(__file__).resolve().parents[3]
FLAT = (
    "",
    'a "b"',
    "a b c=1 d=#true\n\n// x\ne -7;f #false /* g\n h */ i",
    '\ufeffa "\\u{1F600}\\n\\"\\\\" #"raw \\ "quoted""# ##"a"#"##',
    "a 1_000 +5",
    "a\r\nb\r\n",
    'a "b"/* c */"d"',
    "a /*/ not yet */ 1",
    "a\u00a0b",
)
REFUSED = (
    ("a {\n}", 1, 3), ("a 1.5", 1, 3), ("a 0x10", 1, 3), ("a null", 1, 3), ("a true", 1, 3), ("a =1", 1, 3),
    ('a "b\n"', 1, 3),
    ("a b= 1 c=", 1, 10), ("x\n  5 a", 2, 3), ('a "b""c"', 1, 6), ("a (u8)1", 1, 3), ("a /-b", 1, 3), ("a #null", 1, 3),
    ('a """\n"""', 1, 3), ("a /* b", 1, 3), ("a \\\n b", 1, 3), ("[a]", 1, 1), ('a "\\q"', 1, 3), ("a b==c", 1, 5),
)  # fmt: skip


def by_ckdl(text: str) -> list[tuple[str, list[Any], dict[str, Any]]]:
    """What the control plane's parser reads."""
    nodes = ckdl.parse(text, version=2).nodes
    return [(node.name, list(node.args), dict(node.properties)) for node in nodes]


def ours(text: str) -> list[tuple[str, list[Any], dict[str, Any]]]:
    return [(entry.name, entry.arguments, entry.properties) for entry in read_flat(text)]


@pytest.mark.parametrize("text", FLAT)
def test_what_it_reads_the_control_plane_reads_alike(text: str) -> None:
    assert ours(text) == by_ckdl(text)


@settings(max_examples=300, deadline=None)
@given(st.text(alphabet='ab1_-+="\\/*# \n;{}()u.tre', max_size=14))
def test_no_text_is_read_as_something_else(text: str) -> None:
    try:
        found = ours(text)
    except NotFlat:
        return
    assert found == by_ckdl(text)


@pytest.mark.parametrize(("text", "line", "column"), REFUSED)
def test_the_rest_is_refused_with_its_place(text: str, line: int, column: int) -> None:
    with pytest.raises(NotFlat) as caught:
        read_flat(text)
    assert (caught.value.line, caught.value.column) == (line, column), caught.value.words


def show(path: Path, *arguments: str, **environ: str) -> tuple[int, str]:
    """What `sentinel-node config` prints."""
    environ = {"SENTINEL_CONTROL_PLANE": "http://127.0.0.1:9"} | environ
    result = CliRunner().invoke(group, [*arguments, "config", "--config", str(path)], env=environ)
    if isinstance(result.exception, ReconcilerError):
        return 1, f"{result.output}{result.exception}"
    return result.exit_code, result.output


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "config.kdl"


def test_a_flag_wins_and_then_the_environment(path: Path) -> None:
    path.write_text('admin-port 5001\nwait 3\nname "edge-7"\nhome "/srv/node"\n')
    code, output = show(path, "--admin-port", "5003", SENTINEL_ADMIN_PORT="5002", SENTINEL_NODE_WAIT="4")
    assert code == 0
    assert "admin-port 5003 // flag" in output
    assert "wait 4 // environment" in output
    assert 'name "edge-7" // file' in output
    assert 'home "/srv/node" // file' in output
    assert 'proxy-binary "zentinel" // default' in output


def test_every_setting_can_stand_in_a_file_and_what_is_printed_is_one(path: Path, tmp_path: Path) -> None:
    pem = tmp_path / "x.pem"
    text = {
        "control-plane": '"https://nodes.example"', "home": '"/h"', "mirror": '"https://a" "https://b"',
        "project": "shop", "name": "edge", "labels": 'region="eu" tier="edge"', "proxy-binary": '"/bin/proxy"',
        "admin-port": "9000", "wait": "5", "run-folder": '"/run/x"', "secrets-on-disk": "#true", "waf-log": "l",
        "ca-file": f'"{pem}"',
        "client-certificate": f'"{pem}"', "client-key": f'"{pem}"', "join-token-file": f'"{path}"',
        "http-proxy": '"http://proxy:3128"', "agent-check": '":9909"', "ready": '"127.0.0.1:9910"',
        "weight-hook": '"/usr/local/bin/weight"',
    }  # fmt: skip
    assert set(keys_of(group.params)) | {HTTP_PROXY} == set(text)
    path.write_text("".join(f"{key} {value}\n" for key, value in text.items()))
    # The token file is this very file: what it holds is a token, and is not shown.
    code, first = show(path, SENTINEL_CONTROL_PLANE="")
    assert code == 0
    assert first.count("// file") == len(text) - 1
    again = tmp_path / "again.kdl"
    again.write_text(first)
    code, second = show(again, SENTINEL_CONTROL_PLANE="")
    assert second.splitlines()[1:] == first.splitlines()[1:]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("\nadmin_port 5\n", "config.kdl:2:1: there is no setting 'admin_port'. Did you mean 'admin-port'?"),
        ("colour 5", "There are: admin-port, "),
        ("join-token sjt_x", "there is no setting 'join-token'. Did you mean 'join-token-file'?"),
        ("wait 5\n  wait 6", "config.kdl:2:3: 'wait' stands in line 1 already"),
        ('wait "5"', "'wait' is a whole number such as wait 5"),
        ("wait 31", "config.kdl:1:1: 'wait': 31 is not in the range"),
        ("wait #true", "'wait' is a whole number"),
        ("name 5", "'name' is a text"),
        ("name a b", "'name' has one value"),
        ("name", "'name' has one value"),
        ("name x=1", "'name' has one value"),
        ("secrets-on-disk yes", "is #true or #false"),
        ("mirror 5", "one text or several"),
        ("labels Region=eu", "config.kdl:1:1: labels cannot be read: 'Region' is no label"),
        ("wait {", "config.kdl:1:6: a setting has no children here"),
        ("wait " + "9" * 5_000, "config.kdl:1:6: a number has at most 100 characters"),
        ('http-proxy "http://[proxy"', "E-NOD-006"),
        ('http-proxy "http://:3128"', "E-NOD-006"),
        ('mirror "http://[mirror"', "E-NOD-006"),
        ('mirror "http://[me:canary@mirror"', "'http://***@mirror' is not the URL of a mirror"),
        ("x" * 70_000, "longer than 65536 bytes"),
    ],
)
def test_what_is_wrong_is_named_with_its_place(path: Path, text: str, said: str) -> None:
    path.write_text(text)
    code, output = show(path)
    assert (code, "canary" in output) == (1, False)
    assert said in output


def test_a_file_that_cannot_be_read(path: Path) -> None:
    assert "E-NOD-065" in show(path)[1]
    path.write_bytes(b"\xff")
    assert "not text in UTF-8" in show(path)[1]


def test_a_password_is_in_a_private_file_and_in_no_output(path: Path) -> None:
    path.write_text('http-proxy "http://me:canary@proxy:3128"\nmirror "https://me:canary@mirror"\n')
    path.chmod(0o640)
    code, output = show(path)
    assert (code, "E-NOD-067" in output, "canary" in output) == (1, True, False)
    path.chmod(0o600)
    code, output = show(path, SENTINEL_JOIN_TOKEN="sjt_canary")
    assert (code, "canary" in output) == (0, False)
    assert 'http-proxy "http://***@proxy:3128"' in output
    assert "me:other" not in show(path, SENTINEL_NODE_HTTP_PROXY="http://me:other@nearer:1")[1]
    assert "nearer" in show(path, SENTINEL_NODE_HTTP_PROXY="http://me:other@nearer:1")[1], (
        "the environment wins"
    )


def test_the_environment_can_name_the_file(path: Path) -> None:
    path.write_text("wait 7\n")
    result = CliRunner().invoke(
        group, ["config"], env={"SENTINEL_NODE_CONFIG": str(path), "SENTINEL_CONTROL_PLANE": "http://x"}
    )
    assert "wait 7 // file" in result.output


def test_the_docs_list_every_setting() -> None:
    text = (ROOT / "docs" / "nodes.md").read_text()
    listed = set(re.findall(r"^\| `(SENTINEL_[A-Z_]+)` \|", text, re.MULTILINE))
    known = {str(option.envvar) for option in keys_of(group.params).values()}
    assert known <= listed
