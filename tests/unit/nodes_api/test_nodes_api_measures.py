"""Labels and counters in heartbeats: from the report to the rows that gates and pages read."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from typing import Any

import pytest

from reconciler.db import session
from reconciler.db.measures import NodeCounter, NodeSignal
from reconciler.db.models import Environment, Event, Node
from reconciler.db.session import reading
from reconciler.db.signals import KEPT, forget_signals, requests, traffic, traffic_by_service
from reconciler.fleet.cohorts import Assignment
from reconciler.fleet.signals import MOST_BUCKETS, MOST_SERVICES, Counts, percentile
from reconciler.fleet.versions import Versions
from reconciler.settings import read_settings
from tests.unit.node.publishing import build
from tests.unit.nodes_api.served import REGISTER, Api, Release, serve
from web.nodes.heartbeats import write_reports
from web.nodes.reports import read_report

OLD, NEW = "sha256:" + "a" * 64, "sha256:" + "b" * 64
START = datetime.fromisoformat("2026-11-24T20:00:30+00:00")


def at(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def counted(requests: int, failed: int = 0, within: tuple[int, int] | None = None) -> dict[str, Any]:
    fast, slow = within or (requests, requests)
    return {
        "requests": requests,
        "failed": failed,
        "observed": requests,
        "within_ms": {"10": fast, "500": slow},
    }


def signals(life: str = "1-1", **services: dict[str, Any]) -> dict[str, Any]:
    return {
        "life": life,
        "services": services,
        "cpu_permille": 100,
        "memory_permille": 200,
        "open_breakers": None,
    }


class Writing:
    """Writes heartbeats of nodes as the node API would, at moments that the test names."""

    def __init__(self, *names: str) -> None:
        self.counters = dict.fromkeys(names, 0)
        for name in names:
            Node.create(
                id=name, organization="acme", project="shop", environment="production", name=name,
                key_sha256=name, registered_at=START, changed_at=START, running=NEW,
            )  # fmt: skip

    def beat(self, when: datetime, node: str = "n-1", **said: Any) -> None:
        self.counters[node] += 1
        report = read_report({"boot_id": "boot-0001", "counter": self.counters[node], **said})
        write_reports({node: report}, when)


@pytest.fixture
def writing(database: Any) -> Writing:
    return Writing("n-1", "n-2", "n-3")


def minutes() -> list[tuple[str, str, int]]:
    rows = NodeSignal.select().order_by(NodeSignal.minute, NodeSignal.digest)
    return [(row.node, row.digest, row.requests) for row in rows]


def asked(nodes: list[str], digest: str, since: float, until: float) -> Any:
    with reading():
        return traffic(nodes, digest, at(since), at(until))


def test_counters_become_minutes_and_the_same_report_twice_adds_nothing(writing: Writing) -> None:
    writing.beat(at(0), signals=signals(app=counted(100)))
    writing.beat(at(10), signals=signals(app=counted(130, 3, (120, 129))))
    writing.beat(at(20), signals=signals(app=counted(130, 3, (120, 129))))
    writing.beat(at(40), signals=signals(app=counted(140, 3, (130, 139)), **{"": counted(2, 2, (0, 0))}))
    assert minutes() == [("n-1", NEW, 30), ("n-1", NEW, 12)]
    found = asked(["n-1", "n-2"], NEW, 0, 60)
    assert (found.nodes, found.reporting, found.requests, found.failed) == (2, 1, 42, 5)
    assert (found.cpu_permille, found.memory_permille, found.open_breakers) == (100, 200, None)
    with reading():
        services = traffic_by_service(["n-1", "n-2"], NEW, at(0), at(60))
    assert {name: (one.requests, one.failed) for name, one in services.items()} == {
        "": (2, 2),
        "app": (40, 3),
    }
    assert percentile(services["app"], 50) == 10
    assert percentile(services["app"], 99) is None, "one of forty took longer than the last bucket"


def test_a_report_without_counters_erases_none(writing: Writing) -> None:
    writing.beat(at(0), signals=signals(app=counted(100)))
    writing.beat(at(5), health={"state": "healthy"})
    writing.beat(at(6), signals=None)
    writing.beat(at(10), signals=signals(app=counted(107)))
    assert minutes() == [("n-1", NEW, 7)]


def test_what_is_counted_across_a_change_is_nobodys(writing: Writing) -> None:
    writing.beat(at(0), running=OLD, signals=signals(app=counted(100)))
    writing.beat(at(5), running=OLD, signals=signals(app=counted(110)))
    writing.beat(at(10), running=NEW, signals=signals(app=counted(115)))
    writing.beat(at(15), running=NEW, signals=signals(app=counted(135)))
    writing.beat(at(20), running=None, signals=signals(app=counted(136)))
    assert asked(["n-1"], OLD, 0, 30).requests == 10
    assert asked(["n-1"], NEW, 0, 30).requests == 20
    with reading():
        assert requests(["n-1", "n-2"], at(0), at(30)) == 36
        assert requests(["n-1"], at(60), at(90)) == requests([], at(0), at(30)) == 0


def test_a_proxy_that_starts_again_counts_from_zero(writing: Writing) -> None:
    writing.beat(at(0), signals=signals(app=counted(100)))
    writing.beat(at(10), signals=signals("2-7", app=counted(30)))
    writing.beat(at(20), signals=signals("2-7", app=counted(50)))
    assert asked(["n-1"], NEW, 0, 30).requests == 50


def test_a_long_silence_says_nothing_about_any_minute(writing: Writing) -> None:
    writing.beat(at(0), signals=signals(app=counted(100)))
    writing.beat(at(400), signals=signals(app=counted(10_000)))
    writing.beat(at(410), signals=signals(app=counted(10_001)))
    assert asked(["n-1"], NEW, 0, 500).requests == 1


def test_only_the_minutes_that_were_asked_for_and_only_these_nodes(writing: Writing) -> None:
    for node in writing.counters:
        for step in range(6):
            writing.beat(at(30 * step), node, signals=signals(app=counted(10 * step)))
    # The minutes begin at -30, 30, 90 and 150 seconds; the first report of a node counts nothing.
    assert asked(["n-1"], NEW, -30, 200).requests == 50
    assert asked(["n-1"], NEW, 30, 90).requests == 20
    assert asked(["n-1"], NEW, 31, 89).requests == 20, "a minute of which a part is asked for counts in whole"
    assert asked(["n-1"], NEW, 29, 91).requests == 40
    assert asked(["n-1", "n-3"], NEW, 30, 90).requests == 40
    assert asked(["n-1", "n-1"], NEW, 30, 90).nodes == 1
    assert asked(["n-9"], NEW, 0, 200).reporting == 0
    assert asked([], NEW, 0, 200).nodes == 0


def test_a_day_later_all_is_forgotten(writing: Writing) -> None:
    writing.beat(at(0), signals=signals(app=counted(1)))
    writing.beat(at(60), signals=signals(app=counted(2)))
    assert forget_signals(now=at(30) + KEPT) == 1
    assert NodeCounter.select().count() == 1
    assert forget_signals(now=at(120) + KEPT) == 1
    assert NodeCounter.select().count() == 0


def test_a_retired_node_and_an_old_counter_count_nothing(writing: Writing) -> None:
    writing.beat(at(0), signals=signals(app=counted(1)))
    report = read_report({"boot_id": "boot-0001", "counter": 1, "signals": signals(app=counted(50))})
    write_reports({"n-1": report}, at(5))
    assert asked(["n-1"], None, 0, 60).requests == 0
    Node.update(retired_at=at(6)).where(Node.id == "n-1").execute()
    writing.beat(at(10), signals=signals(app=counted(50)))
    assert asked(["n-1"], None, 0, 60).requests == 0


def labels_of(node: dict[str, Any]) -> dict[str, str]:
    found: dict[str, str] = Node.get_by_id(node["id"]).labels
    return found


def test_a_node_whose_proxy_is_too_old_is_offered_nothing(environ: dict[str, str]) -> None:
    release = Release(read_settings(environ))
    release.pointer(build("127.0.0.1:3000"), sequence=1)
    release.rollout("r-1", "ffffffffffffffff", state="completed")
    with session.writing():
        Environment.update(assignment=Assignment(needs={"base": Versions("0.6.20")}).to_json()).execute()

    async def talk(api: Api) -> None:
        node = (
            await api.ask("POST", REGISTER, body={"token": release.token(), "name": "edge-1", "labels": {}})
        ).json
        for number, (proxy, offered) in enumerate(
            {"zentinel 0.6.19": False, "zentinel 0.6.20": True, "zentinel 0.6.3": False}.items(), start=1
        ):
            await api.beat(node, 2 * number, versions={"agent": "sentinel-node/0.1.0", "proxy": proxy})
            assert await api.service.heartbeats.flush()
            for _ in range(300):
                if api.service.directory.nodes[node["id"]].versions.proxy == proxy:
                    break
                await asyncio.sleep(0.02)
            answer = await api.beat(node, 2 * number + 1)
            assert (answer.json["pointer_etag"] is not None) is offered, proxy

    serve(environ, talk)


def test_the_weight_that_a_node_publishes_is_kept_until_it_says_another(environ: dict[str, str]) -> None:
    release = Release(read_settings(environ))

    async def talk(api: Api) -> None:
        body = {"token": release.token(), "name": "edge-1", "labels": {}}
        node = (await api.ask("POST", REGISTER, body=body)).json
        for number, (said, kept) in enumerate(
            (({}, None), ({"weight": 30}, 30), ({}, 30), ({"weight": 0}, 0), ({"weight": None}, None)),
            start=1,
        ):
            await api.beat(node, number, **said)
            assert await api.service.heartbeats.flush()
            assert Node.get_by_id(node["id"]).weight == kept

    serve(environ, talk)


def test_labels_are_what_a_node_says_and_what_its_token_fixes(environ: dict[str, str]) -> None:
    release = Release(read_settings(environ))
    token = release.token(labels={"region": "eu-west"})

    async def talk(api: Api) -> None:
        body = {"token": token, "name": "edge-1", "labels": {"region": "us-east", "tier": "edge"}}
        node = (await api.ask("POST", REGISTER, body=body)).json
        assert labels_of(node) == {"region": "eu-west", "tier": "edge"}
        assert api.service.directory.nodes[node["id"]].labels == labels_of(node)

        await api.beat(node, 1, labels={"region": "us-east", "tier": "core", "zone": "a"})
        assert await api.service.heartbeats.flush()
        assert labels_of(node) == {"region": "eu-west", "tier": "core", "zone": "a"}
        await api.beat(node, 2, health={"state": "healthy"})
        await api.beat(node, 3, labels={"region": "us-east", "tier": "core", "zone": "a"})
        assert await api.service.heartbeats.flush()
        assert labels_of(node) == {"region": "eu-west", "tier": "core", "zone": "a"}
        events = Event.select().where(Event.subject == node["id"], Event.kind == "node.relabelled")
        assert [event.message for event in events] == [
            "edge-1 has the labels region=eu-west, tier=core, zone=a"
        ]
        for _ in range(300):
            if api.service.directory.nodes[node["id"]].labels == labels_of(node):
                break
            await asyncio.sleep(0.02)
        assert api.service.directory.nodes[node["id"]].labels == labels_of(node)

        await api.beat(node, 4, labels={})
        assert await api.service.heartbeats.flush()
        assert labels_of(node) == {"region": "eu-west"}

    serve(environ, talk)


MANY = {f"s{number}": counted(1) for number in range(MOST_SERVICES + 1)}
WIDE = {
    "requests": 1,
    "failed": 0,
    "observed": 1,
    "within_ms": {str(n + 1): 1 for n in range(MOST_BUCKETS + 1)},
}


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ({"labels": {"Region": "eu"}}, "'Region' is no label"),
        ({"weight": 101}, "'weight' must be null or a whole number from 0 to 100"),
        ({"weight": True}, "'weight' must be a whole number"),
        ({"labels": {"region": ""}}, "'' is no value of the label 'region'"),
        ({"labels": {f"l{n}": "x" for n in range(33)}}, "at most 32"),
        ({"signals": []}, "'signals' must be an object"),
        ({"signals": {"life": "1", "services": {}, "x": 1}}, "'signals.x'"),
        ({"signals": {"services": {}}}, "'life'"),
        ({"signals": signals("a b")}, "'life'"),
        ({"signals": signals(**{"a b": counted(1)})}, "a name in 'signals.services'"),
        ({"signals": signals(**MANY)}, f"at most {MOST_SERVICES} services"),
        ({"signals": signals(app=WIDE)}, f"at most {MOST_BUCKETS} counts"),
        ({"signals": signals(app=counted(1, 2))}, "a part is larger than its whole"),
        ({"signals": signals(app=counted(5, 0, (4, 3)))}, "a bucket than the next one"),
        ({"signals": signals(app=counted(5, 0, (4, 6)))}, "a bucket than the next one"),
        ({"signals": signals(app=counted(2**48 + 1))}, "must be at most"),
        ({"signals": signals(app={"requests": 1, "failed": 0})}, "failed, observed, requests, within_ms"),
        ({"signals": signals(app={**counted(1), "x": 1})}, "'signals.services.\\u2026x'"),
        ({"signals": signals(app={**counted(1), "failed": True})}, "whole numbers from 0 on"),
        ({"signals": signals(app={**counted(1), "requests": 1.0})}, "whole numbers from 0 on"),
        ({"signals": signals(app={**counted(1), "within_ms": {"5": -1}})}, "whole numbers from 0 on"),
        ({"signals": signals(app={**counted(1), "within_ms": {"0": 1}})}, "whole number of milliseconds"),
        ({"signals": {**signals(), "cpu_permille": 1001}}, "'cpu_permille'"),
    ],
)
def test_what_is_no_label_and_no_count_is_named(environ: dict[str, str], said: Any, words: str) -> None:
    release = Release(read_settings(environ))
    token = release.token()

    async def talk(api: Api) -> None:
        node = await api.register(token)
        reply = await api.beat(node, 1, **said)
        assert (reply.status, reply.json["code"]) == (400, "E-NAP-004")
        assert words in reply.json["detail"]

    serve(environ, talk)


def test_the_largest_report_fits_and_is_taken(environ: dict[str, str]) -> None:
    release = Release(read_settings(environ))
    token = release.token()
    bounds = {str(10**8 + n): 10**14 + n for n in range(MOST_BUCKETS)}
    most = {"requests": 2**48, "failed": 2**48, "observed": 2**48, "within_ms": bounds}

    async def talk(api: Api) -> None:
        node = await api.register(token)
        services = {f"{number:063}": most for number in range(MOST_SERVICES)}
        reply = await api.beat(
            node, 1, signals=signals(**services), labels={f"l{n}": "x" * 63 for n in range(32)}
        )
        assert reply.status == 200, reply.body
        assert await api.service.heartbeats.flush()
        assert Counts.from_json(NodeCounter.get().services[f"{0:063}"]).requests == 2**48

    serve(environ, talk)
