"""The whole road: a push becomes a signed bundle that every node runs, and what people do to it on the way."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from reconciler.embedded.bootstrap import repository_path
from tests.e2e.test_pages_browser import FLAGS
from tests.e2e.world import World, running

pytestmark = pytest.mark.slow


def released(world: World) -> str:
    """The digest of the clone's commit, once every dev node runs it."""
    digest = world.road.commit(world.road.head(), "compiled").digest
    world.road.runs("dev", digest)
    return digest


@pytest.mark.timeout(300)
def test_people_and_accidents_on_one_system(tmp_path: Path) -> None:
    """One system, several stories in a row: starting one for each would cost more than the stories."""
    with running(tmp_path) as world:
        released(world)
        a_commit_that_changes_no_config_rolls_nothing_out(world)
        a_lost_webhook_is_found_by_the_sweep(world)
        a_reverted_release_goes_back_with_a_higher_sequence(world)
        a_tampered_pointer_is_refused_and_the_page_says_so(world)
        two_people_push_while_the_reconciler_does(world)
        a_hook_that_declines_stalls_with_its_words(world)


def a_commit_that_changes_no_config_rolls_nothing_out(world: World) -> None:
    digest = released(world)
    before = world.road.log("dev")
    path = world.road.upstream_file()
    path.write_text("// A comment.\n\n" + path.read_text())
    (world.road.clone / "README.md").write_text("Another readme.\n")
    row = world.road.commit(world.road.push("Explain the upstreams"), "compiled")
    assert row.digest == digest
    assert len(world.bundles()) == 1
    assert world.road.log("dev") == before


def a_lost_webhook_is_found_by_the_sweep(world: World) -> None:
    hook = repository_path(world.system.layout) / "hooks" / "post-receive"
    hook.rename(hook.with_suffix(".away"))
    try:
        world.road.move_targets("10.7")
        world.road.push("Move the targets without a webhook")
        released(world)
    finally:
        hook.with_suffix(".away").rename(hook)


def a_reverted_release_goes_back_with_a_higher_sequence(world: World) -> None:
    first = world.bundles()[0]
    second = released(world)
    assert first != second
    sequence = environment(world, "dev").sequence
    git = world.road.tool
    git(["git", "fetch", "--quiet", "origin"])
    promotion = git(
        [
            "git",
            "log",
            "--format=%H",
            "--grep=^Promote ",
            f"--grep=^Bundle: {second}",
            "--all-match",
            "origin/env/dev",
        ]
    ).split()
    assert len(promotion) == 1
    git(["git", "switch", "--quiet", "--create", "undo", "origin/env/dev"])
    try:
        git(["git", "revert", "--no-edit", promotion[0]])
        git(["git", "push", "--quiet", "origin", "HEAD:refs/heads/env/dev"])
    finally:
        git(["git", "switch", "--quiet", "main"])
    assert world.road.runs("dev", first) == 3
    assert environment(world, "dev").sequence > sequence
    # What was reverted is not promoted again by itself, not even by a new commit that compiles to it.
    (world.road.clone / "README.md").write_text("A third readme.\n")
    row = world.road.commit(world.road.push("Explain the shop again"), "compiled")
    assert row.digest == second
    world.wait_for("dev was looked at after that", lambda: looked_at(world, "dev") > row.seen_at)
    assert world.road.runs("dev", first) == 3


def a_tampered_pointer_is_refused_and_the_page_says_so(world: World) -> None:
    """Somebody with the database in hand changes one byte: nodes keep what they run, and their pages say why."""
    from reconciler.db.models import Node, Pointer
    from reconciler.db.session import reading, writing

    digest = environment(world, "dev").view["live"]
    with reading():
        good = Pointer.get(Pointer.environment == "dev", Pointer.cohort == "base")
        nodes = [node.id for node in Node.select().where(Node.environment == "dev")]
    document = json.loads(good.envelope)
    signature = document["signatures"][0]["sig"]
    document["signatures"][0]["sig"] = ("A" if signature[0] != "A" else "B") + signature[1:]

    def offer(envelope: str, etag: str) -> None:
        with writing():
            Pointer.update(envelope=envelope, etag=etag).where(Pointer.id == good.id).execute()

    offer(json.dumps(document, sort_keys=True, separators=(",", ":")), "0" * 64)
    try:
        for node in nodes:
            url = f"{world.system.layout.url('pages')}/o/acme/p/shop/nodes/{node}"
            world.wait_for(
                f"the page of {node} shows its refusal", lambda url=url: "E-VER-003" in text_of(url)
            )
            assert digest[7:19] in text_of(url)
    finally:
        offer(good.envelope, good.etag)
    assert world.road.runs("dev", digest) == 3


def text_of(url: str) -> str:
    with urllib.request.urlopen(url) as answer:
        return str(answer.read().decode())


def two_people_push_while_the_reconciler_does(world: World) -> None:
    """Holds of other rollouts' names do not stop this one, so everybody writes to env/staging at once."""
    digest = world.bundles()[0]
    world.road.promote("staging")

    def person(name: str) -> None:
        for number in range(3):
            sentinelctl(world, "hold", "staging", "--name", f"{name}-{number}", "--reason", f"{name} looks")
            sentinelctl(world, "resume", "staging", "--hold", f"{name}-{number}")

    with ThreadPoolExecutor(2) as people:
        for done in [people.submit(person, name) for name in ("ada", "bob")]:
            done.result()
    world.road.runs("staging", digest)
    log = world.road.log("staging")
    for name in ("ada", "bob"):
        for number in range(3):
            assert log.count(f"{name}-{number}") >= 2, log
    subjects = [row.subject for row in world.history("staging")]
    assert len([subject for subject in subjects if subject.startswith("Open rollout")]) == 1
    assert len([subject for subject in subjects if subject.startswith("Complete rollout")]) == 1


def sentinelctl(world: World, *arguments: str) -> None:
    """Run a verb in the clone, as a person does."""
    world.road.tool([sys.executable, "-m", "reconciler.cli.main", *arguments])


def a_hook_that_declines_stalls_with_its_words(world: World) -> None:
    hook = repository_path(world.system.layout) / "hooks" / "pre-receive"
    hook.write_text(
        "#!/bin/sh\nwhile read old new ref; do case $ref in refs/heads/env/*) "
        'echo "policy 7: the branch is frozen" >&2; exit 1;; esac; done\n'
    )
    hook.chmod(0o755)
    world.road.move_targets("10.6")
    world.road.push("Move the targets against a frozen branch")
    world.wait_for("dev is stalled", lambda: bool(environment(world, "dev").stalled_code))
    row = environment(world, "dev")
    assert "policy 7: the branch is frozen" in row.stalled_message
    hook.unlink()
    nudged = subprocess.run(
        [sys.executable, "-m", "reconciler.cli.main", "nudge", "shop", "dev"],
        env=world.system.layout.environ(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert nudged.returncode == 0, nudged.stderr
    released(world)
    world.wait_for("dev is well again", lambda: not environment(world, "dev").stalled_code)


def looked_at(world: World, name: str) -> datetime:
    """When the last run of an environment's work ended."""
    from reconciler.db.models import Work
    from reconciler.db.session import reading

    with reading():
        return Work.get(Work.kind == "environment", Work.subject == name).finished_at


def environment(world: World, name: str) -> Any:
    from reconciler.db.models import Environment
    from reconciler.db.session import reading

    with reading():
        return Environment.get(Environment.name == name)


@pytest.mark.browser
def test_a_push_is_seen_in_a_browser(tmp_path: Path, chromium: str) -> None:
    """Push by git, and read the page: the matrix shows the commit without a reload, and then that dev runs it."""
    from playwright.sync_api import expect, sync_playwright

    with running(tmp_path) as world, sync_playwright() as playwright:
        released(world)
        browser = playwright.chromium.launch(executable_path=chromium, args=list(FLAGS))
        page = browser.new_page()
        faults: list[str] = []
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.goto(f"{world.system.layout.url('pages')}/o/acme/p/shop/")
        world.road.move_targets("10.42")
        sha = world.road.push("Move the targets while somebody watches")
        row = page.locator("tr", has_text="Move the targets while somebody watches")
        expect(row).to_contain_text(sha[:7], timeout=20_000)
        expect(row.locator("td").first).to_contain_text("running here", timeout=40_000)
        (world.road.clone / "services" / "broken.kdl").write_text('servce "oops" {\n}\n')
        world.road.push("Break something while somebody watches")
        expect(page.locator("body")).to_contain_text("services/broken.kdl:1:1", timeout=20_000)
        expect(page.locator("body")).to_contain_text("did you mean 'service'?")
        assert faults == []
        browser.close()


def test_with_postgresql_valkey_and_s3(
    tmp_path: Path, postgres_url: str, valkey_url: str, s3_server: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same processes on real servers."""
    servers = {
        "DATABASE_URL": postgres_url,
        "REDIS_URL": valkey_url,
        "S3_ENDPOINT": s3_server.endpoint,
        "S3_BUCKET": s3_server.bucket,
        "S3_ACCESS_KEY": s3_server.access_key,
        "S3_SECRET_KEY": s3_server.secret_key,
    }
    with running(tmp_path, environ=servers, monkeypatch=monkeypatch) as world:
        assert world.system.settings.database_url == postgres_url
        digest = released(world)
        world.road.promote("staging")
        assert world.road.runs("staging", digest) == 3
        assert not (world.system.layout.home / "objects").exists()
        assert not (world.system.layout.home / "control-plane.db").exists()


@pytest.mark.timeout(600)
def test_the_demo_ends_well() -> None:
    """`sentinelctl demo --json`, as a person runs it."""
    done = subprocess.run(
        [sys.executable, "-m", "reconciler.cli.main", "demo", "--json"],
        capture_output=True,
        text=True,
        env=dict(os.environ),
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    last = json.loads(done.stdout.splitlines()[-1])
    assert last["ok"] is True
    assert last["legs"][0]["name"] == "start"
    assert len(last["legs"]) == 8
    assert all(leg["seconds"] > 0 for leg in last["legs"])
