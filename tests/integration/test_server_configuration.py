"""The server configuration in a git repository: a good head is followed, a bad one changes nothing and is told of."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from reconciler.db import session
from reconciler.db.migrate import migrate
from reconciler.errors import Stalled
from reconciler.git.mirror import Mirror
from reconciler.git.writing import commit_edit, push
from reconciler.jobs.configured import follow
from reconciler.jobs.last_good import usable_installation
from reconciler.settings import Settings, read_settings
from tests.integration.environment_world import ADA
from tests.servers.git_http import GitServer, git_server
from tests.unit.auth.people import NOW, add_person, signed_in
from web.app import create_app

__all__ = ["git_server"]


GOOD = """organization "acme" {
    keys {
        bundle "file:a.key"
        pointer "file:b.key"
        commit "file:c.key"
    }
    member "reader@acme.example" "reader"
    project "shop" {
        repository "https://forge.example/shop.git"
    }
}
"""


@pytest.fixture
def settings(git_server: GitServer, tmp_path: Path):  # type: ignore[no-untyped-def]
    _, url = git_server.repository("configuration")
    found = read_settings(
        {
            "SENTINEL_HOME": str(tmp_path / "home"),
            "SENTINEL_CONFIG_REPOSITORY": url,
            "SENTINEL_CONFIG_PATH": "ops/control-plane.kdl",
        }
    )
    migrate(found)
    session.connect(found)
    yield found
    session.disconnect()


def pushed(settings: Settings, text: str, folder: Path) -> None:
    mirror = Mirror.open(folder / "writer.git", settings.config_repository, None)
    head = mirror.fetch().get("refs/heads/main")
    sha = commit_edit(
        mirror, head, {settings.config_path: text.encode()}, message="Change it", author=ADA, committer=ADA,
        when=NOW, key=None,
    )  # fmt: skip
    push(mirror, "refs/heads/main", sha, head)


def test_a_good_head_is_followed_and_a_bad_one_changes_nothing(settings: Settings, tmp_path: Path) -> None:
    with pytest.raises(Stalled, match="E-SET-009"):
        follow(settings, {})
    pushed(settings, GOOD, tmp_path)
    assert follow(settings, {})
    assert not follow(settings, {})
    assert settings.config_file.read_text() == GOOD
    app = create_app(settings, now=lambda: NOW)
    reader, root = (
        signed_in(app, str(add_person(email).email)) for email in ("reader@acme.example", "root@acme.example")
    )
    assert "/p/shop/" in reader.get("/").text
    assert "stays as it was" not in reader.get("/").text

    pushed(settings, GOOD.replace("member", "membre"), tmp_path)
    with pytest.raises(Stalled, match=r"E-SET-009.*membre"):
        follow(settings, {})
    assert settings.config_file.read_text() == GOOD
    page = reader.get("/").text
    assert "/p/shop/" in page
    assert "stays as it was" in page
    # The mistakes name what not everybody may see.
    assert "membre" not in page
    assert "membre" in root.get("/").text
    ready = reader.get("/ready")
    assert (ready.status_code, "membre" in ready.text) == (503, False)

    pushed(settings, GOOD.replace('"shop"', '"store"'), tmp_path)
    assert follow(settings, {})
    page = reader.get("/").text
    assert "stays as it was" not in page
    assert "/p/store/" in page
    assert reader.get("/ready").status_code == 200


def test_work_goes_on_with_the_last_good_file(settings: Settings, caplog: pytest.LogCaptureFixture) -> None:
    file = settings.config_file
    file.write_text("broken {")
    with pytest.raises(Stalled, match="E-SET-005"):
        usable_installation(settings)
    file.write_text(GOOD)
    assert usable_installation(settings).project("shop") is not None
    file.write_text("broken {")
    assert usable_installation(settings).project("shop") is not None
    assert "server-configuration-unusable" in caplog.text
    # A process that starts now has never seen a good one itself.
    app = create_app(replace(settings, config_repository=""), now=lambda: NOW)
    client = signed_in(app, str(add_person("reader@acme.example").email))
    assert "/p/shop/" in client.get("/").text
    assert "stays as it was" in client.get("/").text
    file.unlink()
    assert usable_installation(settings).project("shop") is not None
