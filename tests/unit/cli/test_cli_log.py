"""`sentinelctl log`, and what it reads: a whole log with everything that can be done to one."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pygit2
import pytest
from click.testing import CliRunner

from reconciler.bundle.checkpoint import read_checkpoint
from reconciler.cli.log_verbs.command import command
from reconciler.db import session
from reconciler.db.logged import LogAlarm, LogCheckpoint
from reconciler.db.models import Event
from reconciler.db.session import reading, writing
from reconciler.errors import ReconcilerError
from reconciler.store import layout
from tests.unit.cli.logged_installation import Installed, filled, install


@pytest.fixture
def logged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Installed]:
    """Three bundles and their pointers: six entries, all signed."""
    monkeypatch.setattr("os.fsync", lambda descriptor: None)
    yield filled(tmp_path / "home", 3)
    session.disconnect()


def failing(found: Installed, *arguments: str) -> dict[str, str]:
    """What `verify` finds wrong: question → answer; the exit code says the same."""
    done = found.run("verify", *arguments, "--json")
    document = json.loads(done.stdout)
    assert done.exit_code == (0 if document["ok"] else 1), done.output
    return {check["check"]: check["message"] for check in document["checks"] if not check["ok"]}


def alarms() -> list[tuple[str, str]]:
    with reading():
        return [(row.source, row.seen) for row in LogAlarm.select().order_by(LogAlarm.id)]


def test_a_log_as_it_should_be_holds(logged: Installed) -> None:
    done = logged.run("verify")
    assert done.exit_code == 0, done.output
    assert done.output.splitlines()[-1] == "The log holds."
    assert "6 entries, each in its place" in done.output
    assert "each of the 4 published statements and pointers is an entry" in done.output


@pytest.mark.parametrize("bundles", [0, 1, 2])
def test_small_logs_hold(tmp_path: Path, bundles: int) -> None:
    found = filled(tmp_path / "home", bundles)
    assert failing(found) == {}
    session.disconnect()


@pytest.mark.parametrize("bundles", [127, 128, 129])
def test_logs_around_a_full_tile_hold_and_say_how_far_they_are_read(
    tmp_path: Path, bundles: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("os.fsync", lambda descriptor: None)
    monkeypatch.setattr("reconciler.flows.log.checking.EVERY", 100)
    found = install(tmp_path / "home")
    seen = []
    for number in range(bundles):
        digest = found.publish(f"{number}")
        if number in (1, 64, 126):
            found.point(digest, number + 1)
            seen.append(found.sign())
    found.point(digest, 500)
    for number in range(200, 200 + bundles):
        found.publish(f"{number}")
    seen.append(found.sign())
    assert failing(found, *seen) == {}
    done = found.run("verify")
    assert done.stderr.splitlines()[:2] == ["read 100 entries", "read 200 entries"]
    assert alarms() == []
    session.disconnect()


def test_a_deleted_tail_is_found(logged: Installed) -> None:
    for number in (4, 5):
        logged.path(f"entry/00{number}").unlink()
    wrong = failing(logged)
    assert wrong["signed"] == "6 entries were seen, 2 of them are gone"
    assert set(wrong) == {"signed", "our record"}
    logged.path("edge.json").unlink()
    with pytest.raises(ReconcilerError) as caught:
        logged.sign()
    assert caught.value.code == "E-LOG-004"


def test_a_deleted_tail_is_found_by_the_database_when_the_checkpoint_went_with_it(logged: Installed) -> None:
    earlier = read_checkpoint(logged.path("checkpoint").read_text())
    digest = logged.publish("another")
    logged.sign()
    logged.path("entry/006").unlink()
    shutil.copy(logged.path("checkpoint"), logged.home / "later")
    for name in ("edge.json", "checkpoint"):
        logged.path(name).unlink()
    assert set(failing(logged)) == {"signed", "our record"}
    with pytest.raises(ReconcilerError, match="1 entries are gone"):
        logged.sign()
    assert earlier.size == 6
    # And by anybody who kept the later checkpoint, when the database forgot as well.
    with writing():
        LogCheckpoint.delete().execute()
    assert "seen" in failing(logged, str(logged.home / "later"))
    assert digest


@pytest.mark.parametrize("at", [0, 3, 5])
def test_an_edited_entry_is_found(logged: Installed, at: int) -> None:
    path = logged.path(f"entry/00{at}")
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(bytes(data))
    wrong = failing(logged)
    assert wrong["signed"] == "other entries than these 6 were seen"
    assert ("complete" in wrong) == (at in (0, 5)), "an older pointer is not in the store any more"


def test_swapped_entries_are_found(logged: Installed) -> None:
    one, two = logged.path("entry/001"), logged.path("entry/002")
    first, second = one.read_bytes(), two.read_bytes()
    one.write_bytes(second)
    two.write_bytes(first)
    assert set(failing(logged)) == {"signed", "our record"}


def test_an_entry_that_is_there_twice_or_is_noise_is_found(logged: Installed) -> None:
    logged.path("entry/006").write_bytes(logged.path("entry/001").read_bytes())
    logged.path("entry/007").write_bytes(b"noise")
    words = failing(logged)["entries"]
    assert "entry 6 is there a second time" in words
    assert "entry 7" in words


def test_a_forked_log_is_found_by_whoever_saw_the_other_one(tmp_path: Path) -> None:
    honest, forked = filled(tmp_path / "honest", 3), None
    seen = tmp_path / "seen"
    shutil.copy(honest.path("checkpoint"), seen)
    session.disconnect()
    forked = filled(tmp_path / "forked", 2)
    forked.publish("what nobody should see")
    forked.sign()
    forked.publish("and more")
    assert failing(forked) == {}
    wrong = failing(forked, str(seen))
    assert wrong == {"seen": "other entries than these 6 were seen"}
    assert alarms() == [("clone", str(read_checkpoint(seen.read_text())))]
    session.disconnect()


@pytest.mark.parametrize("name", ["tile/0/000", "tile/entries/000"])
def test_a_damaged_tile_or_file_of_entries_is_found(
    tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("os.fsync", lambda descriptor: None)
    found = install(tmp_path / "home")
    for number in range(258):
        found.publish(f"{number}")
    found.sign()
    path = found.path(name)
    data = bytearray(path.read_bytes())
    data[40 if len(data) > 40 else 4] ^= 1
    path.write_bytes(bytes(data))
    assert set(failing(found)) == {"entries"}
    path.unlink()
    assert set(failing(found)) == {"entries"}
    session.disconnect()


def test_what_was_published_and_not_entered_is_found(logged: Installed) -> None:
    digest = logged.publish("hidden")
    store = logged.context.store
    envelope = store.get(layout.statement("acme", "shop", digest), limit=100_000)
    session.disconnect()
    other = filled(logged.home.parent / "other", 1)
    other.context.store.put(layout.statement("acme", "shop", digest), envelope)
    other.context.store.put(layout.pointer("acme", "shop", "dev", "next"), b"no pointer")
    words = failing(other)["complete"]
    assert f"statements/{digest.removeprefix('sha256:')}.json is not in the log" in words
    assert "pointers/dev/next.json cannot be read" in words


def test_a_checkpoint_by_a_stolen_key_of_another_role_is_no_signature(logged: Installed) -> None:
    note = logged.path("checkpoint").read_text()
    text, _, lines = note.partition("\n\n")
    logged.path("checkpoint").write_text(f"{text}\n\n{lines.replace('sentinel/acme', 'sentinel/other')}")
    assert "signed by 0" in failing(logged)["signed"]


def test_a_checkpoint_file_of_noise_is_found_and_written_again(logged: Installed) -> None:
    before = logged.sign()
    logged.path("checkpoint").write_text("noise")
    assert "does not hold" in failing(logged)["signed"]
    assert logged.sign() == before
    assert failing(logged) == {}
    logged.path("checkpoint").write_text("noise")
    with writing():
        LogCheckpoint.delete().execute()
    with pytest.raises(ReconcilerError) as caught:
        logged.sign()
    assert caught.value.code == "E-LOG-002"


def repository(folder: Path, trailers: list[str | None], branch: str = "refs/heads/env/dev") -> Path:
    """A clone whose environment branch has a commit for each trailer."""
    made = pygit2.init_repository(str(folder), bare=True)
    person = pygit2.Signature("Ada", "ada@example.com", 1_700_000_000, 0)
    tree = made.TreeBuilder().write()
    parents: list[pygit2.Oid] = []
    for trailer in trailers:
        words = f"\nLog: {trailer}\nActor: reconciler\n" if trailer is not None else "\nBy hand\n"
        parents = [made.create_commit(branch, person, person, f"Advance\n{words}", tree, parents)]
    return folder


@pytest.mark.parametrize("branch", ["refs/heads/env/dev", "refs/remotes/origin/shop/env/dev"])
def test_the_trailers_of_a_clone_are_held_against_the_log(
    logged: Installed, tmp_path: Path, branch: str
) -> None:
    first = logged.sign()
    logged.publish("another")
    second = logged.sign()
    good = repository(tmp_path / "good.git", [first, first, None, second], branch)
    assert failing(logged, "--clone", str(good)) == {}
    wrong = second.replace(" 7 ", " 6 ")
    bad = repository(tmp_path / "bad.git", [first, wrong, second], branch)
    assert list(failing(logged, "--clone", str(bad))) == ["seen"]
    assert alarms() == [("clone", wrong)]
    failing(logged, "--clone", str(bad))
    assert len(alarms()) == 1, "an alarm is raised once"
    with reading():
        assert [row.kind for row in Event.select()] == ["log.alarm"]


def test_checkpoints_are_taken_from_wherever_they_stand(logged: Installed, tmp_path: Path) -> None:
    short, checkpoint = logged.sign(), logged.path("checkpoint")
    pointer = logged.context.settings.files / layout.pointer("acme", "shop", "dev", "base")
    state = tmp_path / "state.json"
    state.write_text(json.dumps({"version": 1, "log": {"epoch": 1, "checkpoint": checkpoint.read_text()}}))
    lines = tmp_path / "lines"
    lines.write_text(f"commit 1234\n\n    Log: {short}\n    Actor: reconciler\n")
    sources = [short, f"Log: {short}", str(checkpoint), str(pointer), str(state), str(lines)]
    done = logged.run("verify", "--json", *sources)
    seen = [check["seen"] for check in json.loads(done.stdout)["checks"] if check["seen"]]
    assert [item["checkpoint"] for item in seen] == [short] * len(sources)


@pytest.mark.parametrize("what", ["sentinel/acme 3", "no such file", "empty", "noise.json", "folder"])
def test_what_has_no_checkpoint_is_said(logged: Installed, tmp_path: Path, what: str) -> None:
    (tmp_path / "empty").write_text("nothing\n")
    (tmp_path / "noise.json").write_text('{"log": 5}')
    (tmp_path / "folder").mkdir()
    argument = str(tmp_path / what) if (tmp_path / what).exists() else what
    for arguments in ([argument], ["--clone", argument]):
        caught = logged.run("verify", *arguments).exception
        assert isinstance(caught, ReconcilerError)
        assert caught.code == "E-LOG-007"


def test_a_proof_is_checked_with_a_root_and_nothing_else(logged: Installed, tmp_path: Path) -> None:
    digest = logged.publish("proved")
    caught = logged.run("prove", digest).exception
    assert isinstance(caught, ReconcilerError)
    assert caught.code == "E-LOG-008"
    assert "not signed yet" in str(caught)
    logged.sign()
    pointer = logged.context.settings.files / layout.pointer("acme", "shop", "dev", "base")
    root = tmp_path / "root.json"
    root.write_bytes(logged.context.store.get(layout.root("acme", 1), limit=100_000))
    nothing = {"SENTINEL_HOME": str(tmp_path / "nothing")}
    for what, kind in ((digest, "statement"), (str(pointer), "pointer")):
        proof = tmp_path / f"{kind}.json"
        proof.write_text(logged.run("prove", what).stdout)
        arguments = ["verify", "--proof", str(proof), "--root", str(root)]
        done = CliRunner().invoke(command, [*arguments, "--json"], env=nothing)
        document = json.loads(done.stdout)
        assert (done.exit_code, document["entry"]["type"], document["ok"]) == (0, kind, True)
        assert "type: " + kind in CliRunner().invoke(command, arguments, env=nothing).output
        made = json.loads(proof.read_text())
        for change in (
            {"index": made["index"] - 1},
            {"proof": made["proof"][1:]},
            {"proof": made["proof"][::-1]},
            {"leaf": made["leaf"][:-8] + "AAAAAAA="},
            {"entry": {**made["entry"], "project": "other"}},
            {"checkpoint": made["checkpoint"].replace("\n7\n", "\n8\n")},
            {"checkpoint": "x"},
            {"more": 1},
            {"leaf": "?"},
        ):
            proof.write_text(json.dumps({**made, **change}))
            done = CliRunner().invoke(command, [*arguments, "--json"], env=nothing)
            assert (done.exit_code, json.loads(done.stdout)["ok"]) == (1, False), change
        proof.write_text("[")
        assert CliRunner().invoke(command, arguments, env=nothing).exit_code == 1
    assert not (tmp_path / "nothing").exists()


def test_a_proof_of_another_organization_or_of_what_is_not_there(logged: Installed) -> None:
    caught = logged.run("prove", "sha256:" + "0" * 64).exception
    assert isinstance(caught, ReconcilerError)
    assert caught.code == "E-LOG-008"
    assert logged.run("prove", "nothing").exit_code == 2
    caught = logged.run("show", "--organization", "other").exception
    assert isinstance(caught, ReconcilerError)
    assert caught.code == "E-LOG-006"


@pytest.mark.parametrize(
    "arguments", [["--proof", "F"], ["--root", "F"], ["--proof", "F", "--root", "F", "x"]]
)
def test_usage(logged: Installed, tmp_path: Path, arguments: list[str]) -> None:
    (tmp_path / "F").write_text("{}")
    given = [str(tmp_path / "F") if word == "F" else word for word in arguments]
    assert logged.run("verify", *given).exit_code == 2


def test_show_and_acknowledge(logged: Installed) -> None:
    wrong = logged.sign().replace(" 6 ", " 5 ")
    assert logged.run("verify", wrong).exit_code == 1
    shown = json.loads(logged.run("show", "--json", "--entries", "2").stdout)
    assert [entry["type"] for entry in shown["entries"]] == ["statement", "pointer"]
    assert [entry["index"] for entry in shown["entries"]] == [4, 5]
    assert read_checkpoint(shown["checkpoint"]).size == 6
    (alarm,) = shown["alarms"]
    assert (alarm["seen"], alarm["ours"]) == (wrong, logged.sign())
    assert f"ALARM {alarm['number']}" in logged.run("show").output
    number = str(alarm["number"])
    assert (
        logged.run("acknowledge", number, "--because", "a test of ours").output == f"acknowledged {number}\n"
    )
    assert json.loads(logged.run("show", "--json").stdout)["alarms"] == []
    caught = logged.run("acknowledge", number, "--because", "again").exception
    assert isinstance(caught, ReconcilerError)
    assert caught.code == "E-LOG-009"
    with reading():
        row = LogAlarm.get()
    assert row.acknowledged_because == "a test of ours"
