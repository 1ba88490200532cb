"""Pushes that compare and swap, with real second pushers, real hooks and the forge's own words."""

from __future__ import annotations

import multiprocessing
from datetime import UTC, datetime
from pathlib import Path

import pytest
from nacl.signing import SigningKey

from reconciler.errors import LostRace, Stalled, Transient
from reconciler.git.identity import Identity
from reconciler.git.mirror import Mirror
from reconciler.git.remote import remote_refs
from reconciler.git.writing import commit_edit, push
from tests.servers.git_http import GitServer, git_server

__all__ = ["git_server"]

ADA = Identity("Ada", "ada@example.com")
WHEN = datetime(2026, 1, 1, tzinfo=UTC)
KEY = SigningKey(bytes(32))
MAIN = "refs/heads/main"
COMMITS_EACH = 5
DECLINE = r"""#!/bin/sh
echo 'GH006: Protected branch update failed' >&2
printf '\033[31mAsk\007 the owners\033[0m\n'
exit 1
"""


def commit(mirror: Mirror, parent: str | None, name: str) -> str:
    return commit_edit(
        mirror, parent, {name: name.encode()}, message=name, author=ADA, committer=ADA, when=WHEN, key=KEY
    )


def contend(folder: str, url: str, who: str) -> None:
    """Push some commits, reading again after every lost race: what each writer of an environment branch does."""
    mirror = Mirror.open(Path(folder), url, None)
    for number in range(COMMITS_EACH):
        while True:
            head = mirror.fetch()[MAIN]
            try:
                push(mirror, MAIN, commit(mirror, head, f"{who}-{number}"), head)
                break
            except LostRace:
                continue


@pytest.fixture
def two(git_server: GitServer, tmp_path: Path, request: pytest.FixtureRequest) -> tuple[Mirror, Mirror, str]:
    """Two mirrors of one repository that has a first commit on main."""
    _, url = git_server.repository(request.node.name.replace("[", "-").rstrip("]"))
    first, second = (Mirror.open(tmp_path / f"{name}.git", url, None) for name in "ab")
    push(first, MAIN, commit(first, None, "start"), None)
    second.fetch()
    return first, second, url


def test_a_push_moves_the_forge_and_our_mirror(two: tuple[Mirror, Mirror, str]) -> None:
    mirror, _, url = two
    head = mirror.refs()[MAIN]
    new = commit(mirror, head, "next")
    push(mirror, MAIN, new, head)
    assert remote_refs(url, None) == mirror.refs() == {MAIN: new}


def test_a_branch_that_moved_is_a_lost_race_and_keeps_its_commit(two: tuple[Mirror, Mirror, str]) -> None:
    ours, theirs, url = two
    head = ours.refs()[MAIN]
    winner = commit(theirs, head, "theirs")
    push(theirs, MAIN, winner, head)
    with pytest.raises(LostRace) as lost:
        push(ours, MAIN, commit(ours, head, "ours"), head)
    assert lost.value.code == "E-GIT-010"
    assert remote_refs(url, None)[MAIN] == winner
    assert ours.refs()[MAIN] == head


def test_expecting_nothing_and_expecting_something_are_both_compared(two: tuple[Mirror, Mirror, str]) -> None:
    ours, _, url = two
    head = ours.refs()[MAIN]
    with pytest.raises(LostRace):
        push(ours, MAIN, commit(ours, None, "orphan"), None)
    with pytest.raises(LostRace):
        push(ours, "refs/heads/gone", commit(ours, head, "more"), head)
    assert remote_refs(url, None) == {MAIN: head}


def test_a_push_that_already_went_through_is_done(two: tuple[Mirror, Mirror, str]) -> None:
    ours, theirs, _ = two
    head = ours.refs()[MAIN]
    new = commit(ours, head, "same")
    assert commit(theirs, head, "same") == new
    push(theirs, MAIN, new, head)
    push(ours, MAIN, new, head)
    assert ours.refs()[MAIN] == new


def test_a_race_lost_inside_the_server_is_a_lost_race(
    git_server: GitServer, two: tuple[Mirror, Mirror, str]
) -> None:
    ours, theirs, url = two
    head = ours.refs()[MAIN]
    winner = commit(theirs, head, "theirs")
    push(theirs, "refs/heads/other", winner, None)
    # The hook runs between git's look at the branch and its update: the narrowest place to lose.
    name = url.rpartition("/")[2].removesuffix(".git")
    git_server.hook(
        name, "pre-receive", f"#!/bin/sh\nunset GIT_QUARANTINE_PATH\ngit update-ref {MAIN} {winner}\n"
    )
    with pytest.raises(LostRace) as lost:
        push(ours, MAIN, commit(ours, head, "ours"), head)
    assert lost.value.code == "E-GIT-011"
    assert remote_refs(url, None)[MAIN] == winner


@pytest.mark.parametrize("hook", ["pre-receive", "update"])
def test_a_declining_hook_is_shown_in_its_own_words(
    git_server: GitServer, two: tuple[Mirror, Mirror, str], hook: str
) -> None:
    ours, _, url = two
    head = ours.refs()[MAIN]
    name = url.rpartition("/")[2].removesuffix(".git")
    git_server.hook(name, hook, DECLINE)
    with pytest.raises(Stalled) as stalled:
        push(ours, MAIN, commit(ours, head, "declined"), head)
    assert stalled.value.code == "E-GIT-012"
    assert "hook declined" in stalled.value.message
    assert "GH006: Protected branch update failed" in stalled.value.message
    assert "Ask the owners" in stalled.value.message
    assert stalled.value.message.isprintable()
    assert "[31m" not in stalled.value.message
    assert stalled.value.cure is not None
    assert remote_refs(url, None) == {MAIN: head} == ours.refs()


def test_endless_words_are_cut(git_server: GitServer, two: tuple[Mirror, Mirror, str]) -> None:
    ours, _, url = two
    head = ours.refs()[MAIN]
    git_server.hook(
        url.rpartition("/")[2].removesuffix(".git"), "pre-receive", "#!/bin/sh\nseq 1 100000 >&2\nexit 1\n"
    )
    with pytest.raises(Stalled) as stalled:
        push(ours, MAIN, commit(ours, head, "declined"), head)
    assert len(stalled.value.message) < 1_000


def test_a_branch_in_the_way_needs_a_person_and_is_not_a_race(two: tuple[Mirror, Mirror, str]) -> None:
    ours, _, _ = two
    push(ours, "refs/heads/env", commit(ours, None, "in the way"), None)
    with pytest.raises(Stalled) as stalled:
        push(ours, "refs/heads/env/dev", commit(ours, None, "new"), None)
    assert stalled.value.code == "E-GIT-013"
    assert "refs/heads/env is in the way" in stalled.value.message


def test_our_own_mistakes_are_value_errors(two: tuple[Mirror, Mirror, str]) -> None:
    ours, _, _ = two
    head = ours.refs()[MAIN]
    with pytest.raises(ValueError, match="does not descend"):
        push(ours, MAIN, commit(ours, None, "orphan"), head)
    for ref in ("main", "refs/heads/../x", "refs/tags/x", "refs/heads/"):
        with pytest.raises(ValueError, match="full branch name"):
            push(ours, ref, head, None)


def test_a_forge_that_is_away_is_transient(tmp_path: Path) -> None:
    mirror = Mirror.open(tmp_path / "m.git", "http://127.0.0.1:1/x.git", None)
    with pytest.raises(Transient):
        push(mirror, MAIN, commit(mirror, None, "x"), None)


def test_of_writers_at_once_nobody_loses_a_commit(
    git_server: GitServer, two: tuple[Mirror, Mirror, str], tmp_path: Path
) -> None:
    reader, _, url = two
    context = multiprocessing.get_context("spawn")
    # Two workers share a mirror, two people have their own.
    folders = {"worker-a": "shared", "worker-b": "shared", "ada": "ada", "ben": "ben"}
    writers = [
        context.Process(target=contend, args=(str(tmp_path / f"{folder}.git"), url, who))
        for who, folder in folders.items()
    ]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join(100)
    assert [writer.exitcode for writer in writers] == [0] * 4
    head = reader.fetch()[MAIN]
    history = reader.first_parents(head, limit=100, stop=None)
    assert sorted(info.subject for info in history) == sorted(
        [f"{who}-{number}" for who in folders for number in range(COMMITS_EACH)] + ["start"]
    )
    assert all(reader.signed_by(info.sha, bytes(KEY.verify_key)) for info in history)
    assert len(reader.list_folder(head, "")) == 4 * COMMITS_EACH + 1
