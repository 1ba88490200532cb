"""Pinned keys of ssh hosts in the server configuration."""

from __future__ import annotations

import pytest

from reconciler.config.installation import Ssh
from reconciler.config.known_hosts import host_of, names
from tests.servers.git_ssh import new_key, public
from tests.unit.config.test_config_installation import TEXT, brief, read_installation

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIKsDMJXikUqgm/SWfXPWqCoOQnNQ0ZlPHRXB7CNl1zlW"
"""It stands in the names of tests, which have to be the same in every process that collects them."""

RSA = public(new_key("ssh-rsa"))


def with_ssh(url: str, *lines: str, at: str = 'forge "github"') -> str:
    pinned = " ".join(f'"{line}"' for line in lines)
    return TEXT.replace("https://github.com/acme/fleet.git", url, 1).replace(
        at, f'{at}; ssh {{ key "file:keys/fleet.ssh"; known-hosts {pinned} }}', 1
    )


@pytest.mark.parametrize(
    ("url", "line", "found"),
    [
        ("ssh://git@git.example/x.git", f"git.example {KEY}", []),
        ("ssh://git@GIT.example:22/x.git", f"Git.Example {RSA}", []),
        ("ssh://git@git.example:7999/x.git", f"[git.example]:7999 {KEY}", []),
        ("ssh://git@git.example:7999/x.git", f"git.example {KEY}", []),
        ("ssh://git@git.example/x.git", f"[git.example]:7999 {KEY}", ["E-INS-150 16:20"]),
        ("ssh://git@git.example:7998/x.git", f"[git.example]:7999 {KEY}", ["E-INS-150 16:20"]),
        ("ssh://git@git.example/x.git", f"a.git.example {KEY}", ["E-INS-150 16:20"]),
    ],
)
def test_a_host_over_ssh_is_one_whose_key_is_pinned(url: str, line: str, found: list[str]) -> None:
    assert brief(with_ssh(url, line)) == found


def test_the_pins_of_another_connection_do_not_count() -> None:
    text = with_ssh("ssh://git@git.example/x.git", f"git.example {KEY}")
    other = text.replace(
        'connection "origin" {', 'connection "other" { forge "github" }\n    connection "origin" {'
    )
    assert brief(other) == []
    lost = other.replace('        connection "origin"\n', '        connection "other"\n')
    assert brief(lost) == ["E-INS-150 17:20"]


def test_several_keys_are_kept_as_they_stand() -> None:
    lines = (f"git.example {KEY}", f"git.example {RSA}")
    installation, _ = read_installation(with_ssh("ssh://git.example/x", *lines).encode(), "control-plane.kdl")
    assert installation is not None
    assert installation.connection("origin").ssh == Ssh("file:keys/fleet.ssh", lines)


@pytest.mark.parametrize(
    "line",
    [
        f"|1|c2FsdA==|aGFzaA== {KEY}",
        f"*.example {KEY}",
        f"git.example,other.example {KEY}",
        f"@cert-authority git.example {KEY}",
        KEY,
        f"git.example {KEY[:-8]}",
        f"git.example ssh-rsa {KEY.split()[1]}",
        "git.example ssh-dss AAAA",
        f"git.example {KEY}\\n*.example {KEY}",
    ],
)
def test_a_line_that_pins_anything_but_one_key_of_one_host_is_refused(line: str) -> None:
    assert "E-VAL-004" in str(brief(with_ssh("https://git.example/x", line)))


def test_hosts_are_named_as_in_known_hosts() -> None:
    assert host_of("ssh://git@[2001:db8::1]:22/x") == "2001:db8::1"
    assert host_of("https://git.example/x") is None
    assert names(f"2001:db8::1 {KEY}", "2001:db8::1")
    assert names(f"2001:db8::1 {KEY}", "[2001:db8::1]:7999")
