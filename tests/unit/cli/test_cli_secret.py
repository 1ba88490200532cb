"""`sentinelctl secret`: in real clones, with real keys, by git's own commits."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from nacl.public import PrivateKey

from reconciler import clock
from reconciler.bundle.sealed import Label, key_id, open_value, parse_sealed, unwrap
from reconciler.cli.folder import config_files
from reconciler.cli.secret import command
from reconciler.cli.validate import check
from reconciler.embedded.template import template_files
from reconciler.errors import Stalled
from reconciler.flows.founding_repository import founded
from reconciler.keys.uri import create_sealing_key, load_sealing_key

ENVIRONMENTS = ("dev", "staging", "production")
VALUE = b"s3cr3t-\xf0\x9f\x94\x91-value"
Run = Callable[..., Result]


def git(folder: Path, *arguments: str) -> str:
    done = subprocess.run(["git", "-C", str(folder), *arguments], capture_output=True, text=True, check=True)
    return done.stdout


@pytest.fixture
def keys(tmp_path: Path) -> dict[str, PrivateKey]:
    folder = tmp_path / "keys"
    folder.mkdir()
    for name in ENVIRONMENTS:
        create_sealing_key(folder / name)
    return {name: load_sealing_key(f"file:{name}", folder=folder, environ={}) for name in ENVIRONMENTS}


@pytest.fixture
def clone(tmp_path: Path, keys: dict[str, PrivateKey], monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "clone"
    publics = {name: bytes(key.public_key) for name, key in keys.items()}
    for path, content in founded(template_files(), "shop", publics, today=date(2026, 1, 1)).items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(content)
    git(tmp_path, "init", "--quiet", "--initial-branch=main", str(folder))
    git(folder, "config", "user.name", "Ada")
    git(folder, "config", "user.email", "ada@example.com")
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "-m", "Begin")
    monkeypatch.chdir(folder)
    return folder


def secret(*arguments: str, value: bytes | None = VALUE) -> Result:
    return CliRunner().invoke(command, list(arguments), input=value)


def done(*arguments: str, value: bytes | None = VALUE) -> str:
    result = secret(*arguments, value=value)
    assert result.exit_code == 0, result.output + str(result.exception)
    return result.output


def stalls(code: str, *arguments: str, value: bytes | None = VALUE) -> str:
    result = secret(*arguments, value=value)
    assert isinstance(result.exception, Stalled), result.output
    assert result.exception.code == code
    assert VALUE.decode() not in str(result.exception)
    return str(result.exception)


def rows() -> dict[tuple[str, str], dict[str, object]]:
    listed = [json.loads(line) for line in done("list", "--json").splitlines()]
    return {(row["name"], row["environment"]): row for row in listed}


def opened(clone: Path, keys: dict[str, PrivateKey], name: str, environment: str) -> bytes:
    """The value that stands in the clone, opened with the environment's key."""
    row = rows()[(name, environment)]
    line = next(
        line
        for line in "".join(path.read_text() for path in clone.rglob("*.kdl"))
        .split(f'secret "{name}"')[1]
        .splitlines()
        if f'sealed "{environment}"' in line
    )
    sealed = parse_sealed(line.split('"')[3])
    label = Label("shop", environment, name, int(str(row["version"])))
    return open_value(sealed.value, unwrap(sealed.wrapped, keys[environment]), label)


def sound(clone: Path) -> None:
    compilation, findings = check(config_files(clone))
    assert compilation is not None, findings


def test_set_adds_a_secret_seals_it_and_commits_nothing_else(
    clone: Path, keys: dict[str, PrivateKey]
) -> None:
    (clone / "project.kdl").write_text((clone / "project.kdl").read_text() + "// mine\n")
    (clone / "staged.txt").write_text("mine")
    git(clone, "add", "staged.txt")
    text = (clone / "secrets.kdl").read_text()
    said = done(
        "set", "db", "--environment", "dev", "--environment", "production", "--description", "The database"
    )
    assert "sealed db for dev (v1), production (v1); committed" in said
    assert (clone / "secrets.kdl").read_text().startswith(text.rstrip("\n"))
    assert git(clone, "show", "--format=%an %s", "--name-only").split("\n\n") == [
        "Ada Set the secret db for dev (v1), production (v1)",
        "secrets.kdl\n",
    ]
    assert sorted(git(clone, "status", "--porcelain").splitlines()) == [" M project.kdl", "A  staged.txt"]
    assert opened(clone, keys, "db", "dev") == opened(clone, keys, "db", "production") == VALUE
    assert 'description "The database"' in (clone / "secrets.kdl").read_text()
    sound(clone)


def test_the_value_is_what_came_in(clone: Path, keys: dict[str, PrivateKey], tmp_path: Path) -> None:
    for given, wanted in ((b"x\n", b"x"), (b"x\r\n", b"x"), (b"x\n\n", b"x\n"), (b" x ", b" x ")):
        done("set", "db", "--environment", "dev", value=given)
        assert opened(clone, keys, "db", "dev") == wanted
    (tmp_path / "value").write_bytes(b"\x00whole\n")
    done("set", "db", "--environment", "dev", "--from-file", str(tmp_path / "value"))
    assert opened(clone, keys, "db", "dev") == b"\x00whole\n"
    assert rows()[("db", "dev")]["version"] == 5


def test_rotate_keeps_layout_and_comments_and_counts_up(clone: Path, keys: dict[str, PrivateKey]) -> None:
    path = clone / "secrets.kdl"
    lines = path.read_text().splitlines()
    at = next(n for n, line in enumerate(lines) if 'sealed "production"' in line)
    lines[at] += " // since the audit"
    path.write_text("\r\n".join(lines) + "\r\n", newline="")
    git(clone, "commit", "--quiet", "-am", "Windows")
    assert "(v2)" in done("rotate", "partner-key", "--environment", "production")
    after = path.read_bytes().decode().split("\r\n")
    assert after[:at] + after[at + 1 : -1] == lines[:at] + lines[at + 1 :]
    assert after[at].endswith(f'version=2 rotated="{clock.now().date()}" // since the audit')
    assert opened(clone, keys, "partner-key", "production") == VALUE
    assert rows()[("partner-key", "dev")]["version"] == 1


def test_a_generated_value_is_written_where_it_was_asked_for_and_printed_nowhere(
    clone: Path, keys: dict[str, PrivateKey], tmp_path: Path
) -> None:
    said = done(
        "rotate", "partner-key", "--environment", "dev", "--generate", "32", "--out", str(tmp_path / "value"), value=b""
    )  # fmt: skip
    value = (tmp_path / "value").read_bytes()
    assert opened(clone, keys, "partner-key", "dev") == value
    assert (tmp_path / "value").stat().st_mode & 0o777 == 0o600
    assert len(value) == 43
    assert value.decode() not in said + git(clone, "log", "-p")


def test_no_commit_leaves_committing_to_people(clone: Path) -> None:
    head = git(clone, "rev-parse", "HEAD")
    assert "nothing is committed" in done("set", "db", "--environment", "dev", "--no-commit")
    assert git(clone, "rev-parse", "HEAD") == head
    assert git(clone, "status", "--porcelain") == " M secrets.kdl\n"


def test_a_clone_without_secrets_gets_a_file(clone: Path) -> None:
    (clone / "secrets.kdl").unlink()
    git(clone, "commit", "--quiet", "-am", "None")
    assert "committed" in done("set", "first", "--environment", "dev")
    assert (clone / "secrets.kdl").read_text().startswith('secret "first" {\n    sealed "dev" "v1.')


def test_a_sealed_value_that_is_malformed_is_said_and_not_listed(clone: Path) -> None:
    done("set", "db", "--environment", "dev")
    path = clone / "secrets.kdl"
    text = path.read_text()
    for spoilt in (text.replace('"v1.', '"v2.'), text.replace("version=1", 'version="one"')):
        assert spoilt != text
        path.write_text(spoilt)
        assert "sealed value of the secret" in stalls("E-SEC-018", "list")


@pytest.mark.parametrize(
    "arguments",
    [
        ("list",),
        ("show", "db"),
        ("set", "db", "--environment", "dev"),
        ("rotate", "db", "--environment", "dev"),
        ("rewrap", "--environment", "dev", "--old-key", "file:key"),
    ],
    ids=lambda arguments: arguments[0],
)
def test_a_folder_that_is_no_config_repository_is_said_to_be_none(
    tmp_path: Path, arguments: tuple[str, ...]
) -> None:
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    (folder / "other.kdl").write_text('secret "db" {\n    description "Of another program"\n}\n')
    (folder / "key").write_text("")
    told = stalls("E-SEC-011", *arguments, "--path", str(folder))
    assert f"no config repository: there are 0 projects below {folder}" in told
    assert "--path" in told


@pytest.mark.parametrize(
    ("code", "arguments", "value"),
    [
        ("E-SEC-011", ("set", "db", "--environment", "prod"), VALUE),
        ("E-SEC-011", ("rotate", "partner-kye", "--environment", "dev"), VALUE),
        ("E-SEC-011", ("rotate", "slack-releases", "--environment", "dev"), VALUE),
        ("E-SEC-011", ("show", "nothing"), None),
        ("E-SEC-011", ("set", "db", "--environment", "dev", "--path", "services"), VALUE),
        ("E-SEC-013", ("set", "db", "--environment", "dev"), b""),
        ("E-SEC-013", ("set", "db", "--environment", "dev"), b"\n"),
        ("E-SEC-013", ("set", "db", "--environment", "dev"), b"x" * 65537),
        ("E-SEC-014", ("set", "partner-key", "--environment", "dev", "--version", "1"), VALUE),
        ("E-SEC-014", ("set", "partner-key", "--environment", "dev", "--version", "1000001"), VALUE),
    ],
)
def test_what_cannot_be_changes_nothing(
    clone: Path, code: str, arguments: tuple[str, ...], value: bytes | None
) -> None:
    stalls(code, *arguments, value=value)
    assert git(clone, "status", "--porcelain") == ""
    assert git(clone, "rev-list", "--count", "HEAD") == "1\n"


@pytest.mark.parametrize(
    "arguments",
    [
        ("set", "Db", "--environment", "dev"),
        ("set", "db"),
        ("set", "db", "--environment", "dev", "--out", "x"),
        ("set", "db", "hunter2", "--environment", "dev"),
        ("set", "db", "--environment", "dev", "--from-file", "secrets.kdl", "--generate", "32"),
        ("rotate", "partner-key", "--environment", "dev", "--generate", "32", "--out", "secrets.kdl"),
        ("rewrap", "--environment", "dev", "--old-key", "file:x", "--new-key", "nothing"),
    ],
)
def test_wrong_usage(clone: Path, arguments: tuple[str, ...]) -> None:
    assert secret(*arguments).exit_code == 2
    assert git(clone, "status", "--porcelain") == ""


def test_an_environment_without_a_key_cannot_have_secrets(clone: Path) -> None:
    path = clone / "environments/dev.kdl"
    path.write_text("".join(line for line in path.read_text().splitlines(True) if "sealing-key" not in line))
    assert "secret keygen --environment dev" in stalls("E-SEC-012", "set", "db", "--environment", "dev")


def test_a_dirty_file_is_not_committed_along(clone: Path) -> None:
    path = clone / "secrets.kdl"
    path.write_text("// mine\n" + path.read_text())
    assert "secrets.kdl" in stalls("E-SEC-015", "set", "db", "--environment", "dev")
    assert git(clone, "rev-list", "--count", "HEAD") == "1\n"
    assert path.read_text().startswith("// mine\n")
    assert 'secret "db"' not in path.read_text()


def test_a_broken_file_is_named(clone: Path) -> None:
    (clone / "broken.kdl").write_text("service {{\n")
    assert "broken.kdl:1" in stalls("E-SEC-010", "set", "db", "--environment", "dev")


def test_gits_refusal_is_told_in_its_words(clone: Path) -> None:
    hook = clone / ".git/hooks/pre-commit"
    hook.write_text("#!/bin/sh\necho 'not on a friday' >&2\nexit 1\n")
    hook.chmod(0o755)
    assert "not on a friday" in stalls("E-SEC-016", "set", "db", "--environment", "dev")


def test_rewrap_is_one_commit_that_opens_for_the_new_key_alone(
    clone: Path, keys: dict[str, PrivateKey], tmp_path: Path
) -> None:
    done("set", "db", "--environment", "production")
    before = rows()
    public = create_sealing_key(tmp_path / "new")
    count = int(git(clone, "rev-list", "--count", "HEAD"))
    said = done(
        "rewrap", "--environment", "production", "--old-key", "file:../keys/production", "--new-key", public.hex(),
        value=None,
    )  # fmt: skip
    assert (
        f"rewrapped db, pagerduty-edge, partner-key, shop-key, slack-releases for the key {key_id(public)}"
        in said
    )
    assert int(git(clone, "rev-list", "--count", "HEAD")) == count + 1
    assert git(clone, "show", "--format=", "--name-only").split() == [
        "environments/production.kdl",
        "secrets.kdl",
    ]
    assert git(clone, "status", "--porcelain") == ""
    after = rows()
    for place, row in after.items():
        moved = place[1] == "production"
        assert row == {**before[place], **({"key": key_id(public)} if moved else {})}
    keys["production"] = load_sealing_key("file:new", folder=tmp_path, environ={})
    assert opened(clone, keys, "db", "production") == VALUE
    sound(clone)
    assert "E-SEC-019" in stalls(
        "E-SEC-019", "rewrap", "--environment", "production", "--old-key", "file:../keys/production", value=None
    )  # fmt: skip


def test_rewrap_takes_the_key_that_somebody_wrote_into_the_environment(clone: Path, tmp_path: Path) -> None:
    public = create_sealing_key(tmp_path / "new")
    path = clone / "environments/dev.kdl"
    lines = [
        f'    sealing-key "{public.hex()}"' if "sealing-key" in line else line
        for line in path.read_text().splitlines()
    ]
    path.write_text("\n".join(lines) + "\n")
    assert rows()[("partner-key", "dev")]["current-key"] is False
    done("rewrap", "--environment", "dev", "--old-key", "file:../keys/dev", value=None)
    assert git(clone, "show", "--format=", "--name-only").split() == ["environments/dev.kdl", "secrets.kdl"]
    assert rows()[("partner-key", "dev")]["current-key"] is True
    sound(clone)


def test_rewrap_with_the_wrong_old_key_changes_nothing(clone: Path, tmp_path: Path) -> None:
    public = create_sealing_key(tmp_path / "new")
    words = stalls(
        "E-SEC-017",
        *(
            "rewrap",
            "--environment",
            "production",
            "--old-key",
            "file:../keys/dev",
            "--new-key",
            public.hex(),
        ),
        value=None,
    )
    assert "pagerduty-edge, partner-key, shop-key, slack-releases" in words
    assert git(clone, "status", "--porcelain") == ""


def test_list_and_show_tell_everything_but_values(clone: Path, keys: dict[str, PrivateKey]) -> None:
    (clone / "more.kdl").write_text(
        'secret "bare"\nsecret "old" {\n    rotate-every "30d"\n}\n'
        'certificate "front" {\n    key "old"\n    for "dev" {\n        key "bare"\n    }\n}\n'
    )
    git(clone, "add", "--all")
    git(clone, "commit", "--quiet", "-m", "More")
    done("set", "old", "--environment", "dev")
    path = clone / "more.kdl"
    day = clock.now().date() - timedelta(days=31)
    path.write_text(path.read_text().replace(clock.now().date().isoformat(), day.isoformat()))
    row = rows()[("old", "dev")]
    identity = key_id(bytes(keys["dev"].public_key))
    assert row == {
        "name": "old", "environment": "dev", "version": 1, "rotated": day.isoformat(), "age-days": 31, "due": True,
        "key": identity, "current-key": True,
    }  # fmt: skip
    text = done("list", value=None)
    assert f"v1     31 days old    key {identity}, due" in text
    assert "bare                         no value" in text
    assert len(done("list", "--environment", "dev", value=None).splitlines()) == 3
    shown = json.loads(done("show", "old", "--json", value=None))
    assert (shown["named-by"], shown["rotate-every"], shown["file"]) == (
        ["certificate front"],
        "720h",
        "more.kdl",
    )
    assert "named by: certificate front" in done("show", "bare", value=None)
    assert "named by: auth-policy customers" in done("show", "partner-key", value=None)
    assert VALUE.decode() not in text + json.dumps(shown)


def test_keygen_writes_the_private_key_for_its_owner_alone(tmp_path: Path) -> None:
    out = tmp_path / "new.sealing"
    said = done("keygen", "--environment", "staging", "--out", str(out), value=None)
    key = load_sealing_key("file:new.sealing", folder=tmp_path, environ={})
    public = bytes(key.public_key)
    assert out.stat().st_mode & 0o777 == 0o600
    assert f'    sealing-key "{public.hex()}"\n' in said
    assert f'    sealing-key "staging" "file:{out}"\n' in said
    assert key_id(public) in said
    assert bytes(key).hex() not in said
    stalls("E-KEY-006", "keygen", "--out", str(out), value=None)
