"""The files of an environment branch: what is written reads back, and what cannot be read is never obeyed."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from reconciler.config.gates import GateSpec
from reconciler.release.branch import parse_branch
from reconciler.release.paths import go_path, hold_path, quarantine_path
from reconciler.release.render import (
    render_go,
    render_hold,
    render_plan,
    render_promoted,
    render_quarantine,
    render_release,
    render_rollout,
)
from reconciler.release.state import (
    BranchFiles,
    Completed,
    EnvironmentState,
    Go,
    Hold,
    Judgement,
    Ledger,
    Moved,
    Only,
    Plan,
    PlannedStep,
    Progress,
    Promoted,
    Quarantine,
    Release,
    Rollout,
    Rules,
)

NOW = datetime(2026, 11, 23, 20, 0, 0, 123000, tzinfo=UTC)
ONE, TWO = "sha256:" + "1" * 64, "sha256:" + "2" * 64
SHA = "a" * 40
PLAN = Plan(
    "r-0002",
    TWO,
    Rules(
        "rolling",
        1,
        "rollback",
        10,
        60,
        30,
        (GateSpec("soak", "", {"seconds": 300}), GateSpec("manual")),
        "region",
    ),
    (
        PlannedStep(1, 2, {"": "8" * 16, "eu": "4" * 16, "us": ""}, 600),
        PlannedStep(2, 1, {"": "f" * 16, "eu": "f" * 16, "us": "f" * 16}),
    ),
    only=Only("group:a or region=eu", "region=eu or tier in (x, y)"),
    already=(
        Moved("r-0001", "region=eu", NOW, {"": "8" * 16, "eu": "4" * 16, "us": ""}, "region"),
        Moved("r-0002", "", NOW, {"": "f" * 16}),
    ),
)
SAID = f'go "{TWO}" {{ sequence 9 }}'.encode()
COUNTS = {"total": 2, "running": 2, "healthy": 2, "unhealthy": 0, "refused": 0, "silent": 0}
LEDGER = Ledger(
    sequence=9,
    rollout=Rollout(
        "r-0002", "paused", TWO, ONE, SHA, NOW, 'it said "no" \\ {}\n and ü', paused_at=NOW, steps=(
            Progress(1, "done", NOW, NOW, 8, COUNTS, (
                Judgement("heartbeat", "pass", "2/2"), Judgement("soak", "wait", "5m", {"seconds-left": 7}),
            )),
            Progress(2, "failed", NOW, None, 9),
        ),
    ),
    plan=PLAN,
    history=(Completed(ONE, SHA, "r-0001", 3, NOW),),
)  # fmt: skip
WHOLE = BranchFiles(
    Release(
        TWO,
        SHA,
        "because",
        "Ada <ada@example.com>",
        datetime(2026, 12, 1, 8, 0, tzinfo=UTC),
        only="region=eu",
    ),
    (Hold("lunch", "back at two", "Ada", datetime(2026, 12, 1, 14, 0, tzinfo=UTC)),),
    (Quarantine(ONE, "bad"),),
    Promoted(SHA, TWO),
    LEDGER,
    goes=(Go("r-0002", 2, TWO, 9, "Ada <ada@example.com>", "The graphs look well"),),
)


def files() -> dict[str, bytes]:
    return {
        "release.kdl": render_release(WHOLE.release or Release("")),
        hold_path("lunch"): render_hold(WHOLE.holds[0]),
        quarantine_path(ONE): render_quarantine(WHOLE.quarantine[0]),
        go_path("r-0002", 2): render_go(WHOLE.goes[0]),
        "promoted.kdl": render_promoted(Promoted(SHA, TWO)),
        "plan.kdl": render_plan(PLAN),
        "rollout.kdl": render_rollout(LEDGER),
        "README.md": b"\xff",
        "rendered/sentinel.kdl": b"listener {",
        "holds/notes.txt": b"nothing",
    }


def test_what_is_written_reads_back() -> None:
    assert parse_branch(files()) == WHOLE


def test_a_wish_may_leave_everything_but_the_digest_out() -> None:
    assert parse_branch({"release.kdl": f'release "{ONE}"\n'.encode()}).release == Release(ONE)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        pytest.param(b"", "there is no 'release'", id="empty"),
        pytest.param(b"\xff", "not UTF-8", id="no text"),
        pytest.param(b'release "sha256:1"', "does not look like", id="a short digest"),
        pytest.param(b"release 12", "expected text", id="a number"),
        pytest.param(b"release", "takes one value", id="no digest"),
        pytest.param(f'release "{ONE}"\nrelease "{TWO}"'.encode(), "2 times", id="two wishes"),
        pytest.param(f'release "{ONE}" {{ who "me" }}'.encode(), "'who' is not known", id="an unknown child"),
        pytest.param(
            f'release "{ONE}" {{ commit "main" }}'.encode(), "does not look like", id="a branch for a commit"
        ),
        pytest.param(b"release {" * 200, "release.kdl", id="deep"),
        pytest.param(b"/" * 300_000, "more than", id="large"),
    ],
)
def test_a_malformed_wish_is_reported_and_not_obeyed(content: bytes, words: str) -> None:
    found = parse_branch({"release.kdl": content})
    assert found.release is None
    assert [bad.path for bad in found.malformed] == ["release.kdl"]
    assert words in found.malformed[0].message


def test_a_hold_that_cannot_be_read_holds() -> None:
    found = parse_branch({"holds/Über.kdl": b"hold {"}, {"holds/link.kdl": "it is a symbolic link"})
    assert [hold.name for hold in found.holds] == ["link", "Über"]


def test_a_quarantine_that_cannot_be_read_forbids_what_its_name_says() -> None:
    by_name = parse_branch({"quarantine/111111111111.kdl": b"?"})
    state = EnvironmentState("prod", by_name)
    assert state.quarantined(ONE) is not None
    assert state.quarantined(TWO) is None
    nameless = EnvironmentState("prod", parse_branch({"quarantine/x.kdl": b"?"}))
    assert nameless.quarantined(TWO) is not None


def test_a_quarantine_under_another_name_is_malformed() -> None:
    found = parse_branch({"quarantine/222222222222.kdl": render_quarantine(Quarantine(ONE))})
    assert "quarantine/111111111111.kdl" in found.malformed[0].message


@pytest.mark.parametrize(
    ("path", "content", "words"),
    [
        pytest.param("gates/r-0002.kdl", SAID, "named after its rollout and step", id="no step"),
        pytest.param("gates/r-0002-0.kdl", SAID, "named after its rollout and step", id="step 0"),
        pytest.param("gates/r-0002-2.kdl", b"", "there is no 'go'", id="empty"),
        pytest.param("gates/r-0002-2.kdl", b"go", "takes one value", id="of no bundle"),
        pytest.param("gates/r-0002-2.kdl", b'go "r-0003"', "does not look like", id="of no digest"),
        pytest.param("gates/r-0002-2.kdl", SAID.split(b"{")[0], "no 'sequence'", id="of no try"),
        pytest.param("gates/r-0002-2.kdl", SAID + b"\ngo", "stands here 2 times", id="twice"),
        pytest.param(
            "gates/r-0002-2.kdl", SAID.replace(b"}", b"; who 1 }"), "'who' is not known", id="unknown"
        ),
    ],
)
def test_a_go_that_cannot_be_read_lets_nothing_pass(path: str, content: bytes, words: str) -> None:
    found = parse_branch({path: content})
    assert found.goes == ()
    assert words in found.malformed[0].message


def test_a_go_is_for_one_step_of_one_rollout() -> None:
    found = parse_branch({"gates/r-0002-2.kdl": SAID})
    rollout = LEDGER.rollout
    assert rollout is not None
    assert found.go(rollout, Progress(2)) == Go("r-0002", 2, TWO, 9)
    assert found.go(rollout, Progress(1)) is None
    assert found.go(replace(rollout, name="r-0003"), Progress(2)) is None


@pytest.mark.parametrize(
    ("old", "new"),
    [
        pytest.param(b'gate "soak"', b'gate "hope"', id="a gate nobody knows"),
        pytest.param(b"seconds=300", b"minutes=5", id="a gate with another number"),
        pytest.param(b"seconds=300", b'seconds="5m"', id="a gate with a word for a number"),
        pytest.param(b'gate "manual"', b'gate "manual" "x"', id="a gate about something"),
        pytest.param(b'reach="ffffffffffffffff"', b'reach="9000000000000000"', id="not everybody is reached"),
        pytest.param(b'"eu" reach="ffff', b'"eu" reach="3fff', id="a reach falls"),
        pytest.param(b'domain "us"', b'domain "eu"', id="a domain stands twice in a step"),
        pytest.param(b"step 2", b"step 3", id="numbers do not rise"),
        pytest.param(b'plan "r-0002"', b'plan "r-0001"', id="another rollout's plan"),
    ],
)
def test_a_plan_that_does_not_fit_is_malformed(old: bytes, new: bytes) -> None:
    changed = files()
    assert old in changed["plan.kdl"]
    changed["plan.kdl"] = changed["plan.kdl"].replace(old, new)
    assert parse_branch(changed).malformed[0].path == "plan.kdl"


def test_names_that_are_no_paths_are_refused() -> None:
    for rollout, step in (("x", 1), ("r-0001", 0), ("../r-0001", 1)):
        with pytest.raises(ValueError, match="is no step"):
            go_path(rollout, step)
    with pytest.raises(ValueError, match="not a name for a hold"):
        hold_path("../x")
    with pytest.raises(ValueError, match="not a digest"):
        quarantine_path("sha256:12")
