"""The clock asks and enqueues, as rarely as it can, and nothing stops it."""

from __future__ import annotations

import itertools
import logging
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import redis

from reconciler.config.installation import Installation, Project, read_installation
from reconciler.db import session
from reconciler.db.intake import Gap, Receipt, Repository
from reconciler.db.models import Commit, Environment, Event, Node, Pointer, PublishedRoot, Work
from reconciler.db.owed import ask, due
from reconciler.errors import Stalled, Transient
from reconciler.flows import noting
from reconciler.git.identity import Credentials
from reconciler.jobs import clock as subject
from reconciler.jobs import sweep
from reconciler.jobs.installed import InstalledFile
from reconciler.settings import Settings
from reconciler.store import layout
from reconciler.store.filesystem import FileStore
from tests.integration.delivery_world import add_nodes
from tests.unit.node.publishing import make_signed_root

NOW = datetime(2026, 11, 23, 20, 0, tzinfo=UTC)
MONO = 'repository "https://git.example.com/acme/mono.git"; trunk "main"; connection "origin"'
KEYS = 'keys { bundle "file:b"; pointer "file:p"; commit "file:c"; root "file:r" }'
CONFIG = f"""\
organization "acme" {{
    name "Acme"
    {KEYS}
    connection "origin" {{ forge "github"; secret "file:s"; credentials "env:FORGE" }}
    project "shop" {{ repository "https://git.example.com/acme/shop.git"; trunk "main"; connection "origin" }}
    project "blog" {{ branch-prefix "blog/"; {MONO} }}
    project "wiki" {{ branch-prefix "wiki/"; {MONO} }}
}}
"""
URL = "https://git.example.com/acme/shop.git"


def installation(text: str = CONFIG) -> Installation:
    found, findings = read_installation(text.encode(), "control-plane.kdl")
    assert found is not None, findings
    return found


def project(slug: str = "shop") -> Project:
    found = installation().project(slug)
    assert found is not None
    return found


def add_commit(sha: str, position: int, slug: str = "shop") -> None:
    with session.writing():
        Commit.create(
            organization="acme", project=slug, sha=sha, position=position, author_name="A", author_email="a@b",
            authored_at=NOW, subject="s", seen_at=NOW, state="compiled",
        )  # fmt: skip


def add_environment(name: str, head: str, slug: str = "shop") -> None:
    with session.writing():
        Environment.create(
            organization="acme", project=slug, name=name, position=0, head=head, updated_at=NOW
        )


def found(refs: dict[str, str], slug: str = "shop") -> list[tuple[str, str, str]]:
    return [(d.kind, d.subject, d.found) for d in sweep.differences(project(slug), refs)]


def test_what_stands_where_the_database_says_is_no_difference(database: Settings) -> None:
    add_commit("a" * 40, 1)
    add_commit("b" * 40, 2)
    add_environment("dev", "c" * 40)
    assert found({"refs/heads/main": "b" * 40, "refs/heads/env/dev": "c" * 40}) == []


def test_moved_branches_are_differences(database: Settings) -> None:
    add_commit("a" * 40, 1)
    add_environment("dev", "c" * 40)
    assert found({"refs/heads/main": "d" * 40, "refs/heads/env/dev": "e" * 40}) == [
        ("trunk", "", "d" * 40),
        ("environment", "dev", "e" * 40),
    ]


def test_commits_of_another_project_do_not_count(database: Settings) -> None:
    add_commit("a" * 40, 1)
    add_commit("b" * 40, 9, "blog")
    assert found({"refs/heads/main": "a" * 40}) == []


def test_a_trunk_set_back_is_a_difference(database: Settings) -> None:
    add_commit("a" * 40, 1)
    add_commit("b" * 40, 2)
    assert found({"refs/heads/main": "a" * 40}) == [("trunk", "", "a" * 40)]


def test_branches_that_vanished_are_differences(database: Settings) -> None:
    add_commit("a" * 40, 1)
    add_environment("dev", "c" * 40)
    assert found({}) == [("trunk", "", ""), ("environment", "dev", "")]


def test_an_empty_repository_is_no_difference_and_neither_is_an_unknown_branch(database: Settings) -> None:
    assert found({"refs/heads/env/else": "f" * 40}) == []


def test_projects_of_one_repository_have_their_own_branches(database: Settings) -> None:
    add_environment("dev", "c" * 40, "blog")
    add_environment("dev", "d" * 40, "wiki")
    refs = {"refs/heads/blog/env/dev": "c" * 40, "refs/heads/wiki/env/dev": "c" * 40}
    assert found(refs, "blog") == []
    assert found(refs, "wiki") == [("environment", "dev", "c" * 40)]


def sweeper(refs: Callable[[str, Credentials | None], dict[str, str]], tmp_path: Path) -> sweep.Sweeper:
    return sweep.Sweeper(
        folder=tmp_path, environ={"FORGE": "bot:token"}, every=timedelta(seconds=10), list_refs=refs
    )


def test_a_repository_is_listed_once_for_all_its_projects_with_its_credentials(
    database: Settings, tmp_path: Path
) -> None:
    asked: list[tuple[str, Credentials | None]] = []

    def refs(url: str, credentials: Credentials | None) -> dict[str, str]:
        asked.append((url, credentials))
        return {"refs/heads/main": "a" * 40}

    sweeping = sweeper(refs, tmp_path)
    for key, projects in sweep.repositories_of(installation()).items():
        sweeping.look(installation(), key, projects, NOW)
    assert sorted(asked) == [
        ("https://git.example.com/acme/mono.git", Credentials("bot", "token")),
        (URL, Credentials("bot", "token")),
    ]
    assert sorted((owed.project, owed.kind) for owed in due(NOW)) == [
        ("blog", "repository"),
        ("shop", "repository"),
    ]


def see(refs: dict[str, str], url: str = URL) -> None:
    with session.writing():
        Repository.create(
            organization="acme", connection="origin", url=url, refs=refs, version=1, looked_at=NOW
        )


def test_a_repository_that_is_as_it_was_seen_asks_only_for_what_was_left_undone(
    database: Settings, tmp_path: Path
) -> None:
    refs = {"refs/heads/main": "a" * 40, "refs/heads/topic": "b" * 40}
    see(refs)
    add_environment("dev", "c" * 40)
    sweeping = sweeper(lambda url, credentials: refs, tmp_path)
    found = sweeping.look(installation(), (URL, "origin"), [project()], NOW)
    assert [(d.kind, d.subject) for d in found] == [("trunk", ""), ("environment", "dev")]


@pytest.mark.parametrize("refs", [{}, {"refs/heads/topic": "d" * 40}])
def test_any_branch_that_moved_asks_for_a_look_at_the_repository(
    database: Settings, tmp_path: Path, refs: dict[str, str]
) -> None:
    see({"refs/heads/topic": "b" * 40})
    sweeping = sweeper(lambda url, credentials: refs, tmp_path)
    sweeping.look(installation(), (URL, "origin"), [project()], NOW)
    assert [(owed.project, owed.kind) for owed in due(NOW)] == [("shop", "repository")]


def test_a_project_with_a_folder_of_its_own_need_not_know_the_newest_commit(database: Settings) -> None:
    add_commit("a" * 40, 1)
    folder = replace(project(), path="shop")
    assert sweep.differences(folder, {"refs/heads/main": "b" * 40}) == []
    assert len(sweep.differences(folder, {})) == 1, "but it has to be there"
    assert len(sweep.differences(replace(folder, slug="new"), {"refs/heads/main": "b" * 40})) == 1


def test_the_same_difference_is_asked_for_once_and_a_new_one_again(
    database: Settings, tmp_path: Path
) -> None:
    heads = iter(["a" * 40, "a" * 40, "b" * 40, "b" * 40])
    sweeping = sweeper(lambda url, credentials: {"refs/heads/main": next(heads)}, tmp_path)

    def look(now: datetime) -> int:
        return len(sweeping.look(installation(), (URL, "origin"), [project()], now))

    assert [look(NOW), look(NOW), look(NOW), look(NOW + sweep.ASK_AGAIN_AFTER)] == [1, 0, 1, 1]


def test_looks_begin_when_they_are_due_and_back_off_when_they_fail(
    database: Settings, tmp_path: Path
) -> None:
    moment = [NOW]
    looks: list[datetime] = []

    def refs(url: str, credentials: Credentials | None) -> dict[str, str]:
        looks.append(moment[0])
        raise Transient("E-GIT-000", "away")

    sweeping = sweeper(refs, tmp_path)
    one = installation(CONFIG.replace("mono.git", "shop.git"))
    for second in range(100):
        moment[0] = NOW + timedelta(seconds=second)
        sweeping.start_due(one, lambda: moment[0])
        sweeping._pool.submit(lambda: None).result()
        wait_until(lambda: not any(watch.busy for watch in sweeping._watches.values()))
    end(sweeping)
    gaps = [(b - a).total_seconds() for a, b in itertools.pairwise(looks)]
    assert looks[0] <= NOW + timedelta(seconds=3)
    assert len(gaps) == 2
    assert 20 <= gaps[0] <= 23
    assert 40 <= gaps[1] <= 45


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.001)


def end(sweeping: sweep.Sweeper) -> None:
    """End it, and wait for the looks that have begun: they would meet the next test's database."""
    sweeping.close()
    wait_until(lambda: not any(thread.name.startswith("sweep") for thread in threading.enumerate()))


def test_a_repository_that_is_slow_is_not_looked_at_twice_at_once(database: Settings, tmp_path: Path) -> None:
    release = threading.Event()
    started: list[str] = []

    def refs(url: str, credentials: Credentials | None) -> dict[str, str]:
        started.append(url)
        release.wait(10)
        return {}

    sweeping = sweeper(refs, tmp_path)
    late = NOW + timedelta(seconds=5)
    sweeping.start_due(installation(), lambda: NOW)
    assert sweeping.start_due(installation(), lambda: late) == 2
    assert sweeping.start_due(installation(), lambda: late + timedelta(hours=1)) == 0
    release.set()
    end(sweeping)
    assert len(started) <= 2


def ticking(settings: Settings, tmp_path: Path, queue: Any = None) -> subject.Clock:
    settings.config_file.parent.mkdir(parents=True, exist_ok=True)
    settings.config_file.write_text(CONFIG)
    return subject.Clock(
        installed=InstalledFile(settings.config_file),
        queue=queue,
        sweeper=sweeper(lambda url, credentials: {}, tmp_path),
        store=FileStore(tmp_path / "objects"),
        now=lambda: NOW,
    )


def test_pointers_are_dated_anew_after_an_hour(database: Settings, tmp_path: Path) -> None:
    with session.writing():
        for name, age in (("dev", 59), ("staging", 60), ("production", 300)):
            for cohort in ("base", "next"):
                Pointer.create(
                    organization="acme", project="shop", environment=name, cohort=cohort, sequence=1, digest="d",
                    envelope="", etag="", issued_at=NOW - timedelta(minutes=age),
                )  # fmt: skip
    clock = ticking(database, tmp_path)
    assert clock.redate() == 2
    assert {(owed.kind, owed.subject) for owed in due(NOW)} == {
        ("environment", "staging"),
        ("environment", "production"),
    }
    assert clock.redate() == 0


def test_old_receipts_are_forgotten(database: Settings, tmp_path: Path) -> None:
    with session.writing():
        for days in (0, 29, 31):
            Receipt.create(
                organization="acme", connection="origin", delivery=str(days), event="push", refs={},
                body_sha256="", received_at=NOW - timedelta(days=days),
            )  # fmt: skip
            Gap.create(
                organization="acme", connection="origin", url=URL, ref="r", before="", after="", guess="",
                found_at=NOW - timedelta(days=days),
            )  # fmt: skip
    assert ticking(database, tmp_path).forget() == 2
    with session.reading():
        assert Gap.select().count() == 2
        assert sorted(row.delivery for row in Receipt.select()) == ["0", "29"]


def test_records_of_nodes_that_nobody_asked_for_are_asked_for(database: Settings, tmp_path: Path) -> None:
    clock = ticking(database, tmp_path)
    assert clock.enrol() == 0
    add_nodes(("n-1",), now=NOW)
    assert clock.enrol() == 1
    with session.reading():
        assert [(row.kind, row.project) for row in Work.select()] == [("enrolment", "shop")]
    with session.writing():
        Node.update(recorded_at=NOW).execute()
    assert clock.enrol() == 0


def test_a_queue_that_is_away_is_logged_when_it_goes_and_when_it_is_back(
    database: Settings, tmp_path: Path, free_port: int, caplog: pytest.LogCaptureFixture
) -> None:
    ask("acme", "shop", "trunk", now=NOW)
    clock = ticking(database, tmp_path, redis.Redis(port=free_port, retry=None))
    with caplog.at_level(logging.INFO):
        for _ in range(3):
            clock.guarded("dispatch", clock.dispatch)
        assert caplog.text.count("dispatch-failed: E-JOB-001") == 1
        clock.guarded("dispatch", lambda: 0)
        clock.guarded("dispatch", lambda: 0)
    assert caplog.text.count("dispatch-works-again") == 1


def test_a_surprise_does_not_stop_the_clock(
    database: Settings, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    def fail() -> int:
        raise ZeroDivisionError

    ticking(database, tmp_path).guarded("sweep", fail)
    assert "sweep-failed" in caplog.text


def test_the_schedule_is_a_table_of_single_runs(database: Settings, tmp_path: Path) -> None:
    scheduler = subject.schedule(ticking(database, tmp_path))
    jobs = {job.id: job for job in scheduler.get_jobs()}
    assert set(jobs) == {
        "dispatch", "sweep", "redate", "roots", "configuration", "audit", "enrol", "rebuild", "forget", "retain",
    }  # fmt: skip


def test_a_published_root_is_noticed_wherever_it_was_published(database: Settings, tmp_path: Path) -> None:
    clock = ticking(database, tmp_path)
    assert clock.roots() == 0
    clock.store.put(layout.root("acme", 1), make_signed_root(NOW))
    assert clock.roots() == 1
    assert clock.roots() == 0
    with session.reading():
        owed = {(row.project, row.kind) for row in Work.select()}
        (row,) = PublishedRoot.select()
    assert (row.version, row.noted_at) == (1, NOW)
    assert {("blog", "trunk"), ("shop", "trunk"), ("wiki", "trunk")} <= owed


def test_the_server_configuration_is_read_again_when_it_changes(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "control-plane.kdl"
    installed = InstalledFile(path)
    with pytest.raises(Stalled, match="E-SET-004"):
        installed.current()
    path.write_text(CONFIG)
    first = installed.current()
    assert installed.current() is first
    path.write_text(CONFIG.replace('"wiki"', '"docs"'))
    assert installed.current().project("docs") is not None
    path.write_text("organisation")
    assert installed.current().project("docs") is not None
    assert installed.problem is not None
    assert "E-SET-005" in str(installed.problem)
    installed.current()
    assert caplog.text.count("server-configuration-unusable: E-SET-005") == 1
    path.write_text(CONFIG)
    assert installed.current().project("wiki") is not None
    assert installed.problem is None


def test_of_two_clocks_one_tells_of_a_root(
    database: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, other = ticking(database, tmp_path), ticking(database, tmp_path)
    one.store.put(layout.root("acme", 1), make_signed_root(NOW))
    read = noting.read_stored

    def overtaken(*given: Any, **named: Any) -> Any:
        monkeypatch.setattr(noting, "read_stored", read)
        assert other.roots() == 1
        return read(*given, **named)

    monkeypatch.setattr(noting, "read_stored", overtaken)
    assert one.roots() == 0
    with session.reading():
        assert sorted(event.project for event in Event.select()) == ["blog", "shop", "wiki"]
