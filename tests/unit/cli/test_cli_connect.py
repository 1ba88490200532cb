"""`sentinelctl connect`: over real HTTP, to a forge and back from it into the real receiver."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pygit2
import pytest
from click.testing import CliRunner, Result
from werkzeug.serving import make_server

from reconciler.cli.connect import command
from reconciler.db import session
from reconciler.errors import Stalled
from tests.forges import server as forges
from tests.forges.dialects.speaking import Repo
from tests.forges.server import serving_api
from tests.servers.git_ssh import new_key, private, serving_ssh
from webhooks import nudging
from webhooks.app import create_app

REPOSITORY = "https://forge.example/acme/shop.git"
SECRETS = {"gitlab": "whsec_YSBrZXkgb2YgdGhpcnR5LXR3byBieXRlcywgdHJ1bHk="}


class World:
    def __init__(self, home: Path, kind: str, api: str, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(nudging.Nudger, "wake", lambda nudger: None)
        monkeypatch.setenv("SENTINEL_HOME", str(home))
        monkeypatch.setenv("HOOK_SECRET", SECRETS.get(kind, "a secret"))
        monkeypatch.setenv("FORGE_TOKEN", f"{forges.USER}:{forges.TOKEN}")
        home.mkdir()
        self.config = home / "control-plane.kdl"
        self.config.write_text(
            f"""\
organization "acme" {{
    keys {{ bundle "file:b"; pointer "file:p"; commit "file:c" }}
    connection "origin" {{ forge "{kind}"; secret "env:HOOK_SECRET"; credentials "env:FORGE_TOKEN"; api "{api}" }}
    connection "idle" {{ forge "{kind}" }}
    project "shop" {{ repository "{REPOSITORY}"; connection "origin" }}
}}
egress {{ allow "127.0.0.0/8" }}
"""
        )
        self.server = make_server("127.0.0.1", 0, create_app(), threaded=True)
        self.thread = threading.Thread(target=self.server.serve_forever, daemon=True)
        self.thread.start()
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    def connect(self, *arguments: str) -> Result:
        given = arguments or ("origin", "--url", self.url)
        return CliRunner().invoke(command, given, catch_exceptions=False)

    def stop(self) -> None:
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()
        session.disconnect()


@pytest.fixture(params=sorted(forges.ROUTES))
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def world(kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[World, forges.Forge]]:
    with serving_api(kind, "acme/shop") as (forge, api):
        forge.repo = Repo(clone_url=REPOSITORY)
        made = World(tmp_path / "home", kind, api, monkeypatch)
        yield made, forge
        made.stop()


def test_a_webhook_is_set_up_once_and_tried(world: tuple[World, forges.Forge], kind: str) -> None:
    ours, forge = world
    done = ours.connect()
    assert done.exit_code == 0, done.output
    (hook,) = forge.hooks
    assert hook.url == f"{ours.url}/webhooks/{kind}/origin"
    assert hook.secret == SECRETS.get(kind, "a secret")
    assert hook.secret not in done.output
    tried = "push something" if kind.startswith("bitbucket") else "a delivery came in, signed as it should be"
    assert tried in done.output
    hook.secret = "an old one"
    again = ours.connect()
    assert again.exit_code == 0, again.output
    assert "was there and is up to date" in again.output
    assert [one.secret for one in forge.hooks] == [SECRETS.get(kind, "a secret")]


@pytest.mark.parametrize("kind", ["github"])
def test_a_delivery_that_does_not_come_is_said(world: tuple[World, forges.Forge]) -> None:
    ours, forge = world
    forge.deaf = True
    done = ours.connect("origin", "--url", ours.url, "--wait", "0.5")
    assert done.exit_code == 1
    assert "nothing came to" in done.output


@pytest.mark.parametrize("kind", ["github"])
@pytest.mark.parametrize(("name", "code"), [("nobody", "E-FRG-002"), ("idle", "E-FRG-030")])
def test_what_cannot_be_connected(world: tuple[World, forges.Forge], name: str, code: str) -> None:
    with pytest.raises(Stalled, match=code):
        world[0].connect(name, "--url", "https://hooks.example")


@pytest.mark.parametrize("kind", ["github"])
def test_a_connection_that_lacks_something_is_told(world: tuple[World, forges.Forge]) -> None:
    ours, _ = world
    ours.config.write_text(ours.config.read_text().replace('credentials "env:FORGE_TOKEN";', ""))
    with pytest.raises(Stalled, match="E-FRG-031"):
        ours.connect()


@pytest.mark.parametrize("kind", ["github"])
def test_the_address_is_the_one_that_the_connection_states(world: tuple[World, forges.Forge]) -> None:
    ours, forge = world
    with pytest.raises(Stalled, match="E-FRG-031"):
        ours.connect("origin")
    stated = ours.config.read_text().replace('forge "github";', f'forge "github"; receiver "{ours.url}";', 1)
    ours.config.write_text(stated)
    done = ours.connect("origin")
    assert done.exit_code == 0, done.output
    assert [hook.url for hook in forge.hooks] == [f"{ours.url}/webhooks/github/origin"]


@pytest.mark.parametrize("kind", ["github"])
def test_a_repository_over_ssh_is_listed_before_anything_is_set_up(
    world: tuple[World, forges.Forge], tmp_path: Path
) -> None:
    ours, forge = world
    with serving_ssh(tmp_path) as ssh:
        pygit2.init_repository(str(tmp_path / "acme" / "shop.git"), bare=True)
        key = ours.config.parent / "fleet.ssh"
        key.write_text(private(ssh.user))
        key.chmod(0o600)

        def pin(line: str) -> None:
            block = f'ssh {{ key "file:fleet.ssh"; known-hosts "{line}" }}'
            ours.config.write_text(before.replace('forge "github";', f'forge "github"; {block};', 1))

        before = ours.config.read_text().replace(REPOSITORY, ssh.url("acme/shop"))
        pin(ssh.line(new_key()))
        with pytest.raises(Stalled, match="E-GIT-030"):
            ours.connect()
        pin(ssh.line())
        key.write_bytes(b"\xff\xfe")
        with pytest.raises(Stalled, match="E-GIT-032"):
            ours.connect()
        assert (ssh.met, forge.hooks) == ([], [])
        key.write_text(private(ssh.user))
        done = ours.connect()
    assert done.exit_code == 0, done.output
    assert "the host's key is a pinned one, and the host takes ours" in done.output
    assert private(ssh.user).splitlines()[1] not in done.output
    assert len(forge.hooks) == 1
