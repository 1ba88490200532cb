"""Each forge: what it sends, and what it is answered."""

from __future__ import annotations

import dataclasses
import json
import logging
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from reconciler.config.installation_schema import FORGES
from reconciler.db import session
from tests.forges.dialects import DIALECTS
from tests.forges.dialects.speaking import NONE, Change, Delivery, Dialect, Pull
from tests.unit.webhooks.receiving_world import NEW, OLD, REPO, World, moves, owed, receipts
from webhooks.app import MAX_BODY
from webhooks.receivers import RECEIVERS

EACH = pytest.mark.parametrize("dialect", DIALECTS.values(), ids=DIALECTS)
MAIN = "refs/heads/main"


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    yield World(tmp_path / "home", monkeypatch)
    session.disconnect()


def push(world: World, dialect: Dialect, *changes: Change) -> list[tuple[int, str]]:
    sent = dialect.push(REPO, list(changes), "d-1")
    answers = [world.send(dialect, made) for made in sent]
    return [(answer.status_code, answer.get_json()["status"]) for answer in answers]


def test_every_forge_of_the_configuration_has_a_receiver_and_a_dialect() -> None:
    assert set(FORGES) == set(RECEIVERS) == {dialect.forge for dialect in DIALECTS.values()}


@EACH
def test_a_push_to_trunk_asks_for_a_look(world: World, dialect: Dialect) -> None:
    assert push(world, dialect, Change(MAIN, OLD, NEW)) == [(202, "accepted")]
    assert owed() == [(dialect.label, "repository", "")]
    assert moves() == {MAIN: (OLD, NEW)}
    assert world.nudges == [1]


@EACH
def test_a_force_push_is_a_push(world: World, dialect: Dialect) -> None:
    assert push(world, dialect, Change(MAIN, NEW, OLD, forced=True)) == [(202, "accepted")]
    assert moves() == {MAIN: (NEW, OLD)}


@EACH
def test_a_branch_that_is_made_and_one_that_is_deleted(world: World, dialect: Dialect) -> None:
    ref = f"refs/heads/{dialect.label}/env/dev"
    made, gone = Change(ref, NONE, NEW), Change(ref, NEW, NONE)
    for delivery, change in (("d-1", made), ("d-2", gone)):
        (sent,) = dialect.push(REPO, [change], delivery)
        assert world.send(dialect, sent).status_code == 202
    assert owed() == [(dialect.label, "repository", "")]
    assert [list(receipt.refs.values()) for receipt in receipts()] == [
        [{"before": "", "after": NEW}],
        [{"before": NEW, "after": ""}],
    ]


@EACH
def test_several_references_in_one_push(world: World, dialect: Dialect) -> None:
    environment = f"refs/heads/{dialect.label}/env/dev"
    topic = Change("refs/heads/topic", OLD, NEW)
    answers = push(world, dialect, topic, Change(MAIN, OLD, NEW), Change(environment, OLD, NEW))
    assert {status for status, _ in answers} <= {200, 202}
    assert owed() == [(dialect.label, "repository", "")]
    assert moves() == {MAIN: (OLD, NEW), environment: (OLD, NEW), "refs/heads/topic": (OLD, NEW)}


@EACH
def test_a_tag_is_received_and_asks_for_nothing(world: World, dialect: Dialect) -> None:
    assert push(world, dialect, Change("refs/tags/main", NONE, NEW)) == [(200, "ignored")]
    assert moves() == {"refs/tags/main": ("", NEW)}
    assert (owed(), world.nudges) == ([], [])


@EACH
def test_a_tag_asks_for_a_look_where_the_project_says_so(world: World, dialect: Dialect) -> None:
    text = world.config.read_text()
    line = f'project "{dialect.label}" {{'
    assert line in text
    world.config.write_text(text.replace(line, f"{line} tags #true;"))
    assert push(world, dialect, Change("refs/tags/v1", NONE, NEW)) == [(202, "accepted")]
    assert owed() == [(dialect.label, "repository", "")]


@EACH
@pytest.mark.parametrize("happened", ["opened", "updated", "merged", "closed", "reviewed"])
def test_a_pull_request_is_received(world: World, dialect: Dialect, happened: str) -> None:
    if dialect.pull is None:
        assert dialect.forge == "generic"
        return
    made = dialect.pull(REPO, Pull(7, happened, NEW), "d-1")
    answer = world.send(dialect, made)
    assert (answer.status_code, answer.get_json()["status"]) == (202, "accepted")
    assert owed() == [(dialect.label, *(("reviews", "") if happened == "reviewed" else ("pull", "7")))]
    (receipt,) = receipts()
    assert (receipt.event, receipt.repository.lower()) == (made.event, REPO.full_name)


@EACH
def test_a_pull_request_into_another_branch_is_none_of_our_business(world: World, dialect: Dialect) -> None:
    if dialect.pull is None:
        assert dialect.forge == "generic"
        return
    answer = world.send(dialect, dialect.pull(REPO, Pull(7, "opened", NEW, target="release"), "d-1"))
    assert (answer.status_code, answer.get_json()["status"]) == (200, "ignored")
    assert owed() == []


@EACH
@pytest.mark.parametrize("happened", ["closed", "reviewed"])
def test_a_pull_request_into_an_environments_branch_is_a_promotion(
    world: World, dialect: Dialect, happened: str
) -> None:
    if dialect.pull is None:
        assert dialect.forge == "generic"
        return
    made = dialect.pull(REPO, Pull(7, happened, NEW, target=f"{dialect.label}/env/prod"), "d-1")
    answer = world.send(dialect, made)
    assert (answer.status_code, answer.get_json()["status"]) == (202, "accepted")
    assert owed() == [(dialect.label, "promotion", "prod")]


@EACH
def test_a_ping_is_answered(world: World, dialect: Dialect) -> None:
    answer = world.send(dialect, dialect.ping(REPO, "d-1"))
    assert answer.status_code == (202 if dialect.forge in {"gitlab", "gitea", "forgejo", "generic"} else 200)


@EACH
@pytest.mark.parametrize("case", ["wrong", "none", "empty", "no secret", "empty secret", "body changed"])
def test_what_is_not_authentic_is_refused_before_it_is_read(
    world: World, dialect: Dialect, case: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*arguments: object, **named: object) -> None:
        raise AssertionError("it was read")

    (made,) = dialect.push(REPO, [Change(MAIN, OLD, NEW)], "d-1")
    wrong = dialect.sign(made, b"whsec_d3Jvbmc=" if dialect.label == "gitlab" else b"wrong", world.now)
    monkeypatch.setattr(json, "loads", fail)
    match case:
        case "wrong":
            answer = world.send(dialect, wrong, signed=False)
        case "none":
            answer = world.send(dialect, made, signed=False)
        case "empty":
            answer = world.send(dialect, wrong.having(**{dialect.signature: ""}), signed=False)
        case "no secret":
            answer = world.send(dialect, made, connection=f"{dialect.label}-bare")
        case "empty secret":
            answer = world.send(dialect, made, secret=b"", connection=f"{dialect.label}-empty")
        case _:
            signed = dialect.sign(made, dialect.secret, world.now)
            if dialect.signature == "X-Gitlab-Token":
                # A plain secret says nothing of the body. That is why there are signing tokens.
                signed = signed.having(**{"X-Gitlab-Token": dialect.secret.decode() + " "})
            answer = world.send(dialect, dataclasses.replace(signed, body=made.body + b" "), signed=False)
    assert answer.status_code == 401
    assert answer.mimetype == "application/problem+json"
    assert (receipts(), owed(), world.nudges) == ([], [], [])


@pytest.mark.parametrize("other", DIALECTS.values(), ids=DIALECTS)
@EACH
def test_a_delivery_of_another_forge_is_not_authentic(world: World, dialect: Dialect, other: Dialect) -> None:
    """Even where it is signed with this connection's secret: the URL says which headers count."""
    (made,) = other.push(REPO, [Change(MAIN, OLD, NEW)], "d-1")
    signed = other.sign(made, dialect.secret, world.now)
    answer = world.send(dialect, signed, signed=False)
    # Gitea and Forgejo send the headers of those they descend from.
    kin = {
        ("github", "gitea"), ("github", "forgejo"), ("gitea", "forgejo"),
        ("bitbucket", "bitbucket-data-center"), ("bitbucket-data-center", "bitbucket"),
    }  # fmt: skip
    if dialect is other or (dialect.label, other.label) in kin:
        assert answer.status_code in {200, 202, 400}
    else:
        assert answer.status_code == 401
        assert receipts() == []


@EACH
def test_a_connection_answers_for_its_own_forge_alone(world: World, dialect: Dialect) -> None:
    (made,) = dialect.push(REPO, [Change(MAIN, OLD, NEW)], "d-1")
    for forge in FORGES:
        if forge != dialect.forge:
            assert world.send(dialect, made, forge=forge).status_code == 401
    assert receipts() == []


@EACH
def test_twenty_five_megabytes_are_not_read(world: World, dialect: Dialect) -> None:
    made = Delivery("push", "d-1", b"{" + b" " * (25 * 1024 * 1024), {"Content-Type": "application/json"})
    answer = world.send(dialect, made, signed=False)
    assert answer.status_code == 413
    assert str(MAX_BODY) in answer.get_data(as_text=True)
    assert answer.headers["Connection"] == "close"


@EACH
def test_the_same_delivery_again_is_a_duplicate(world: World, dialect: Dialect) -> None:
    (made,) = dialect.push(REPO, [Change(MAIN, OLD, NEW)], "d-1")
    assert world.send(dialect, made).status_code == 202
    again = world.send(dialect, made)
    assert (again.status_code, again.get_json()["status"]) == (200, "duplicate")
    assert (len(receipts()), world.nudges) == (1, [1])


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20) | st.sampled_from([MAIN, NEW, NONE]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=8,
)  # fmt: skip


@st.composite
def damaged(draw: st.DrawFn) -> Delivery:
    """A delivery with anything in place of one or several parts of its payload."""
    dialect = draw(st.sampled_from(list(DIALECTS.values())))
    found: list[Delivery] = list(dialect.push(REPO, [Change(MAIN, OLD, NEW)], "d"))
    if dialect.pull is not None:
        happened = draw(st.sampled_from(["opened", "updated", "merged", "closed", "reviewed"]))
        found.append(dialect.pull(REPO, Pull(7, happened, NEW), "d"))
    made = draw(st.sampled_from(found))
    document = json.loads(made.body)
    for _ in range(draw(st.integers(1, 3))):
        place: object = document
        while isinstance(place, (dict, list)) and place:
            key = draw(st.sampled_from(sorted(place) if isinstance(place, dict) else range(len(place))))
            inner = place[key]  # type: ignore[index]
            if not isinstance(inner, (dict, list)) or not inner or draw(st.booleans()):
                place[key] = draw(JSON)  # type: ignore[index]
                break
            place = inner
    body = draw(st.just(json.dumps(document).encode()) | st.binary(max_size=200))
    return dataclasses.replace(made, body=body).having(**{"X-Dialect": dialect.label})


@settings(max_examples=400, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(made=damaged())
def test_no_payload_is_our_fault(world: World, caplog: pytest.LogCaptureFixture, made: Delivery) -> None:
    caplog.set_level(logging.CRITICAL)
    dialect = DIALECTS[made.headers["X-Dialect"]]
    answer = world.send(dialect, made)
    assert answer.status_code in {200, 202, 400}
    assert b"Traceback" not in answer.data
