"""What a fleet makes of a scenario's file, and what it counts."""

from __future__ import annotations

from pathlib import Path

import pytest

from reconciler.errors import Stalled
from reconciler.node.effects import Failed, HttpReply, HttpRequest
from reconciler.node.http import ControlPlane
from reconciler.simulator.building import build_fleet
from reconciler.simulator.counting import Meter
from reconciler.simulator.fakeproxy import FakeProxy
from reconciler.simulator.filelimit import raise_file_limit
from reconciler.simulator.fleet import Fleet
from reconciler.simulator.image import Image
from reconciler.simulator.line import Line
from reconciler.simulator.showing import lines, report
from reconciler.simulator.staging import events_of, groups_of
from reconciler.simulator.temperament import TEMPERAMENTS
from reconciler.simulator.virtual.scenario import Scenario
from reconciler.simulator.virtual.scenario_files import read_scenario
from tests.unit.node.publishing import proxy_config

SHIPPED = sorted((Path(__file__).resolve().parents[3] / "docs" / "scenarios").glob("*.kdl"))
GET = HttpRequest("GET", "/api/v1/nodes/n-1/bundles/latest", {}, None, 100, 1.0)

TEXT = """
scenario "trouble" lasts="1m"
project "shop"
environment "dev" {
    proxy-version "0.6.20"
}
nodes "dev" 30 region="eu"
nodes "dev" 10 temperament="slow"
timeline {
    push "1s" bundle="b"
    crash "20s" environment="dev" share=50 number=30 lasts="5s"
    partition "10s" share=25 lasts="20s"
}
"""


def read(text: str = TEXT) -> Scenario:
    return read_scenario(text, "trouble.kdl")


def fleet_of(tmp_path: Path, scenario: Scenario, nodes: int | None = None) -> Fleet:
    events, _ = events_of(scenario)
    return build_fleet(
        groups_of(scenario, nodes), home=tmp_path, url="http://127.0.0.1:9", project="shop",
        token_of=lambda environment: None, say=lambda line: None, events=events, quiet=True,
    )  # fmt: skip


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_a_shipped_scenario_can_be_played(path: Path) -> None:
    scenario = read_scenario(path.read_text(), path.name)
    assert sum(group.count for group in groups_of(scenario, 1000)) == pytest.approx(1000, abs=10)
    _, left_out = events_of(scenario)
    assert left_out == ("push",), "what people do is left to whoever runs the control plane"


def test_there_are_shipped_scenarios() -> None:
    assert [path.stem for path in SHIPPED] == ["outage", "rolling", "temperaments"]


def test_groups_keep_their_proportions_and_their_labels() -> None:
    found = groups_of(read(), 8)
    assert [(group.count, group.temperament, dict(group.labels)) for group in found] == [
        (6, "steady", {"region": "eu"}),
        (2, "slow", {}),
    ]
    assert [group.count for group in groups_of(read(), None)] == [30, 10]
    assert [group.count for group in groups_of(read(), 1)] == [1, 1], "no temperament goes missing"


@pytest.mark.parametrize(
    ("before", "after", "named"),
    [
        pytest.param("slow", "sulky", "'sulky'", id="temperament"),
        pytest.param('environment="dev" share=50', 'environment="prod" share=50', "'prod'", id="environment"),
    ],
)
def test_what_does_not_exist_is_named(before: str, after: str, named: str) -> None:
    scenario = read(TEXT.replace(before, after))
    with pytest.raises(Stalled, match=named) as raised:
        (groups_of(scenario, None), events_of(scenario))
    assert raised.value.code == "E-SIM-003"


def test_events_come_in_order_and_end(tmp_path: Path) -> None:
    fleet = fleet_of(tmp_path, read(), 8)
    assert [event.at for event in fleet.events] == [10, 20, 25, 30]
    assert fleet.events[1].words == "50 % of the nodes of dev are down"
    cut, crashed, back, healed = fleet.events
    cut.do(fleet)
    assert [node.line.cut for node in fleet.nodes] == [True, True] + 6 * [False]
    crashed.do(fleet)
    # From the node of number 30 on, round the end: 30 % 8 = 6.
    assert [node.crashed for node in fleet.nodes] == [True, True] + 4 * [False] + [True, True]
    back.do(fleet)
    healed.do(fleet)
    assert not any(node.crashed or node.line.cut for node in fleet.nodes)


class Plane(ControlPlane):
    """Answers what it is told to."""

    def __init__(self, *answers: HttpReply | Failed) -> None:
        self.answers = list(answers)

    def ask(self, request: HttpRequest) -> HttpReply | Failed:
        return self.answers.pop(0)


def test_a_cut_line_lets_nothing_through_and_counts_nothing() -> None:
    meter = Meter(lambda: 0.0)
    line = Line(Plane(), meter, cut=True)
    assert line.ask(GET) == Failed("partitioned: the scenario cut this node off")
    assert meter.requests == 0


def test_what_is_counted(tmp_path: Path) -> None:
    now = [100.0]
    meter = Meter(lambda: now[0])
    offer = HttpReply(200, {"etag": '"e1"'}, b"")
    plane = Plane(offer, HttpReply(503, {}, b""), Failed("ConnectTimeoutError: host and port"), offer)
    line = Line(plane, meter)
    for _ in range(4):
        line.ask(GET)
        now[0] += 1
    for _ in range(10):
        now[0] += 1
        meter.activated('"e1"', "sha256:" + "a" * 64)
    meter.activated('"never offered"', "sha256:" + "b" * 64)
    fleet = Fleet([], lambda line: None, meter)
    found = report(fleet, 2.0)
    assert (found["requests"], found["errors"], found["requests_per_second"]) == (4, 2, 2.0)
    assert found["statuses"] == {"200": 2, "503": 1}
    assert found["no_answer"] == {"ConnectTimeoutError": 1}
    assert found["spread"] == {
        "sha256:" + "a" * 64: {"nodes": 10, "seconds": {"p50": 9.0, "p90": 13.0, "p99": 14.0, "p100": 14.0}}
    }
    assert "errors: 2" in lines(found)[2]


def test_percentiles_of_answers() -> None:
    meter = Meter(lambda: 0.0)
    for milliseconds in range(1, 101):
        meter.answered(200, milliseconds / 1000)
    meter.answered(304, None)
    assert meter.requests == 101, "a poll that was parked is one, and its time says nothing"
    assert meter.milliseconds() == {"p50": 50, "p90": 90, "p99": 99, "p100": 100}


def proxy_of(tmp_path: Path, temperament: str) -> tuple[FakeProxy, str, str]:
    """A proxy that serves one configuration and then finds another one in its file."""
    first, first_id = proxy_config()
    second, second_id = proxy_config("127.0.0.1:4000")
    link = tmp_path / "proxy.kdl"
    link.write_bytes(first)
    proxy = FakeProxy(link, TEMPERAMENTS[temperament], monotonic=lambda: 0.0)
    proxy.restart()
    link.write_bytes(second)
    return proxy, first_id, second_id


def test_a_lying_proxy_says_that_it_runs_what_it_was_told(tmp_path: Path) -> None:
    proxy, _, second = proxy_of(tmp_path, "lying")
    proxy.reload()
    assert (proxy.running().config_id, proxy.running().healthy) == (second, True)
    counted = proxy.signals()
    assert counted is not None
    proxy.link.unlink()
    assert proxy.running().config_id is None


def test_the_health_of_a_flapping_proxy_turns_over(tmp_path: Path) -> None:
    proxy, first, _ = proxy_of(tmp_path, "flapping")
    found = [proxy.running().healthy for _ in range(28)]
    assert found == 6 * [True] + 7 * [False] + 7 * [True] + 7 * [False] + [True]
    assert proxy.running().config_id == first


def test_a_machine_is_set_back_to_what_it_was(tmp_path: Path) -> None:
    home = tmp_path / "node"
    home.mkdir()
    (home / "state.json").write_text("old")
    image = Image(home, every=4)
    turned = [image.turn(), image.turn()]
    (home / "state.json").write_text("new")
    turned += [image.turn(), image.turn()]
    assert turned == [False, False, False, True]
    assert (home / "state.json").read_text() == "old"


def test_the_limit_of_open_files_is_never_lowered() -> None:
    before, after = raise_file_limit()
    assert 0 < before <= after
