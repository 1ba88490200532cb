"""The live feed: what moves a stamp, what a stream says, how many there may be."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator

import pytest
from flask import Flask

from reconciler.clock import iso
from reconciler.db.models import Commit, Environment, Event, Node, Rollout
from reconciler.db.session import writing
from tests.unit.pages.sample_project import NOW, PROJECT, digest
from web.pages.feed import Feed
from web.pages.scope import Scope
from web.pages.stamps import NOTHING, TOPICS, decode, differing, encode, stamps

SCOPE = Scope("acme", PROJECT)
LIVE = "/o/acme/p/shop/live"


def tokens(**moved: str) -> dict[str, str]:
    return {topic: moved.get(topic, NOTHING) for topic in TOPICS}


class World:
    """What a feed looks at: tokens that a test moves."""

    def __init__(self) -> None:
        self.tokens = tokens()
        self.looks = 0

    def look(self, scope: Scope) -> dict[str, str]:
        self.looks += 1
        return dict(self.tokens)


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def feed(world: World) -> Feed:
    return Feed(world.look, now=lambda: NOW, most=2, pause=0.01)


def next_frame(frames: Iterator[str]) -> tuple[str, str, dict[str, str]]:
    for frame in frames:
        fields = dict(line.split(": ", 1) for line in frame.strip().splitlines())
        if "event" in fields:
            return fields["event"], fields["id"], json.loads(fields["data"])
    raise AssertionError("the stream ended")


def test_a_stream_says_at_once_that_it_is_live_and_then_what_moved(feed: Feed, world: World) -> None:
    subscription = feed.subscribe(SCOPE)
    assert subscription is not None
    frames = subscription.frames(None, beat=5)
    assert next_frame(frames) == ("beat", encode(tokens()), {"topics": "", "at": iso(NOW)})
    world.tokens = tokens(commits="aaaaaaaa", nodes="bbbbbbbb")
    kind, identifier, data = next_frame(frames)
    assert (kind, identifier, data["topics"]) == ("change", encode(world.tokens), "commits nodes")
    subscription.close()


def test_a_stream_resumes_with_what_moved_meanwhile(feed: Feed, world: World) -> None:
    world.tokens = tokens(rollouts="cccccccc")
    subscription = feed.subscribe(SCOPE)
    assert subscription is not None
    kind, _, data = next_frame(subscription.frames(tokens(), beat=5))
    assert (kind, data["topics"]) == ("change", "rollouts")
    subscription.close()


def test_a_quiet_stream_beats(feed: Feed) -> None:
    subscription = feed.subscribe(SCOPE)
    assert subscription is not None
    frames = subscription.frames(None, beat=0.02)
    assert [next_frame(frames)[0] for _ in range(3)] == ["beat", "beat", "beat"]
    subscription.close()


def test_a_stream_ends_by_itself(feed: Feed) -> None:
    subscription = feed.subscribe(SCOPE)
    assert subscription is not None
    assert len(list(subscription.frames(None, beat=0.01, longest=0.05))) >= 1
    assert feed.streams == 0


def test_places_are_limited_and_given_back_once(feed: Feed) -> None:
    first, second = feed.subscribe(SCOPE), feed.subscribe(SCOPE)
    assert first is not None
    assert second is not None
    assert feed.subscribe(SCOPE) is None
    first.close()
    first.close()
    assert feed.streams == 1
    assert feed.subscribe(SCOPE) is not None


def test_a_reader_has_one_stream(feed: Feed) -> None:
    old = feed.subscribe(SCOPE, "tab")
    assert old is not None
    ended = threading.Event()
    thread = threading.Thread(target=lambda: (list(old.frames(None, beat=30)), ended.set()), daemon=True)
    thread.start()
    new = feed.subscribe(Scope("acme", "other"), "tab")
    assert new is not None
    assert ended.wait(5)
    thread.join()
    assert feed.streams == 1
    assert not new.closed()
    new.close()


def test_nobody_looks_when_nobody_watches(feed: Feed, world: World) -> None:
    subscription = feed.subscribe(SCOPE)
    assert subscription is not None
    next_frame(subscription.frames(None, beat=1))
    subscription.close()
    thread = next((t for t in threading.enumerate() if t.name == "page-feed"), None)
    if thread is not None:
        thread.join(5)
    looks = world.looks
    threading.Event().wait(0.1)
    assert world.looks == looks


def heartbeat() -> None:
    Node.update(reported_at=NOW).where(Node.name == "dev-edge-01").execute()


def environment() -> None:
    Environment.update(updated_at=NOW).where(Environment.name == "dev").execute()


def completed() -> None:
    Rollout.update(state="completed", ended_at=NOW).where(Rollout.name == "r-0008").execute()


def activated() -> None:
    Node.update(running=digest(1), running_since=NOW).where(Node.name == "dev-edge-01").execute()


def refused() -> None:
    Node.update(refusal={"code": "E-1"}).where(Node.name == "dev-edge-01").execute()


def compiled() -> None:
    Commit.update(state="compiled", digest=digest(14)).where(Commit.position == 14).execute()


def event() -> None:
    Event.create(organization="acme", project=PROJECT, kind="x", at=NOW)


def foreign() -> None:
    Event.create(organization="rival", project="mail", kind="x", at=NOW)


@pytest.mark.parametrize(
    ("change", "topics"),
    [
        pytest.param(heartbeat, [], id="a mere heartbeat moves nothing"),
        pytest.param(foreign, [], id="another project moves nothing"),
        pytest.param(environment, ["environments", "rollouts"], id="an environment"),
        pytest.param(completed, ["rollouts"], id="a rollout"),
        pytest.param(activated, ["nodes"], id="an activation"),
        pytest.param(refused, ["nodes"], id="a refusal"),
        pytest.param(compiled, ["commits"], id="a commit"),
        pytest.param(event, ["events"], id="an event"),
    ],
)
def test_what_moves_a_stamp(app: Flask, change: Callable[[], None], topics: list[str]) -> None:
    before = stamps(SCOPE)
    with writing():
        change()
    assert differing(before, stamps(SCOPE)) == topics


def test_stamps_survive_being_sent() -> None:
    found = tokens(events="0123abcd")
    assert decode(encode(found)) == found
    for bad in (None, "", "x", encode(found) + "0", encode(found).replace("a", "A")):
        assert decode(bad) is None


def test_too_many_streams_are_told_when_to_come_back(app: Flask) -> None:
    feed: Feed = app.extensions["sentinel.feed"]
    held = [feed.subscribe(SCOPE) for _ in range(feed.most)]
    answer = app.test_client().get(LIVE)
    assert answer.status_code == 503
    assert answer.headers["Retry-After"] == "15"
    assert answer.json["code"] == "E-WEB-007"
    for subscription in held:
        assert subscription is not None
        subscription.close()


def test_a_reader_who_left_before_the_first_frame_holds_no_place(app: Flask) -> None:
    feed: Feed = app.extensions["sentinel.feed"]
    with app.test_request_context(LIVE, environ_base={"REMOTE_ADDR": "127.0.0.1"}):
        answer = app.full_dispatch_request()
        assert answer.mimetype == "text/event-stream"
        assert feed.streams == 1
        answer.close()
    assert feed.streams == 0


def test_a_stream_of_an_unknown_project_is_not_there(app: Flask) -> None:
    assert app.test_client().get("/o/acme/p/nope/live").status_code == 404
