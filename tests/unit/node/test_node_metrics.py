"""What is read from the metrics of a proxy, and from the kernel; what cannot be read is missing."""

from __future__ import annotations

from pathlib import Path

import pytest

from reconciler.fleet.signals import MOST_SERVICES, OTHERS, WHOLE, Counts
from reconciler.node.metrics import Reader, Unreadable
from reconciler.node.resources import Resources
from reconciler.simulator.load import Fate, Load, fate_of


def requests(route: str, status: int, count: object, method: str = "GET") -> str:
    return f'zentinel_requests_total{{route="{route}",method="{method}",status="{status}"}} {count}\n'


def bucket(route: str, bound: str, count: object, method: str = "GET") -> str:
    name = "zentinel_request_duration_seconds_bucket"
    return f'{name}{{route="{route}",method="{method}",le="{bound}"}} {count}\n'


def blocked(reason: str, count: int) -> str:
    return f'zentinel_blocked_requests_total{{reason="{reason}"}} {count}\n'


def services(*lines: str) -> dict[str, Counts]:
    return dict(Reader().read("".join(lines), "1").services)


def test_routes_and_methods_add_up_to_services() -> None:
    assert services(
        requests("shop.1", 200, 90), requests("shop.2", 200, 7), requests("shop.2", 503, 3, "POST"),
        requests("blog", 404, 5),
        bucket("shop.1", "0.01", 80), bucket("shop.1", "0.5", 90), bucket("shop.1", "+Inf", 90),
        bucket("shop.2", "0.01", 1, "POST"), bucket("shop.2", "0.5", 2, "POST"), bucket("shop.2", "+Inf", 3, "POST"),
    ) == {
        WHOLE: Counts(), "blog": Counts(5, 0), "shop": Counts(100, 3, 93, (10, 500), (81, 92)),
    }  # fmt: skip


def test_connections_that_failed_are_the_proxys_and_refusals_are_nobodys() -> None:
    assert services(
        blocked("proxy_error_502", 2), blocked("proxy_error_503", 3), blocked("proxy_error_504", 4),
        blocked("proxy_error_500", 100), blocked("rate_limited", 50), blocked("agent_blocked", 7),
    ) == {WHOLE: Counts(9, 9)}  # fmt: skip


def test_our_own_routes_are_left_out() -> None:
    assert services(requests("sentinel-admin", 200, 9), requests("shop", 200, 1)) == {
        WHOLE: Counts(),
        "shop": Counts(1),
    }


@pytest.mark.parametrize("value", ["NaN", "-1", "+Inf", "1e300"])
def test_a_value_that_is_no_count_is_passed_over(value: str) -> None:
    assert services(requests("shop", 200, value), requests("shop", 201, 4)) == {
        WHOLE: Counts(),
        "shop": Counts(4),
    }


def test_a_histogram_that_falls_is_none() -> None:
    found = services(
        requests("shop", 200, 9),
        bucket("shop", "0.1", 5),
        bucket("shop", "0.2", 4),
        bucket("shop", "+Inf", 9),
    )
    assert found["shop"] == Counts(9)


@pytest.mark.parametrize("text", ["zentinel_up", "zentinel_up{", 'x{a="b} 1', "<html>", "\x00", "x 1e"])
def test_what_is_not_the_text_form_is_unreadable(text: str) -> None:
    with pytest.raises(Unreadable):
        Reader().read(text, "1")


def test_circuit_breakers() -> None:
    reader = Reader()
    assert reader.read(requests("shop", 200, 1), "1").open_breakers is None
    state = 'zentinel_circuit_breaker_state{upstream="%s"} %d\n'
    assert reader.read(state % ("a", 0) + state % ("b", 1) + state % ("c", 2), "1").open_breakers == 1


def test_there_are_never_too_many_services_and_none_changes_its_place() -> None:
    reader = Reader()
    many = [f"m{number:04}" for number in range(MOST_SERVICES + 50)]
    first = reader.read("".join(requests(name, 200, 1) for name in many), "1").services
    assert len(first) == MOST_SERVICES
    assert first[OTHERS].requests == 52
    again = reader.read("".join(requests(name, 200, 1) for name in ("a-new-one", *many)), "1").services
    assert again == {**first, OTHERS: Counts(53)}
    assert "a-new-one" in reader.read(requests("a-new-one", 200, 1), "2").services, (
        "another start, another choice"
    )


def test_a_route_with_a_strange_name_is_one_of_the_others() -> None:
    assert services(requests("b\u00fccher", 200, 3), requests("x" * 64, 200, 4)) == {
        WHOLE: Counts(),
        OTHERS: Counts(7),
    }


def test_made_up_requests() -> None:
    fates = {
        "well": Fate(),
        "bad": fate_of(["127.0.0.1:80", "198.51.100.25:80"]),
        "slow": fate_of(["203.0.113.30:80"]),
        "dead": fate_of(["192.0.2.1:80"]),
    }
    load = Load(10)
    for _ in range(40):
        load.serve(fates, 0.25)
    found = Reader().read(load.text(), "1").services
    assert (found["well"].requests, found["well"].failed) == (100, 0)
    assert (found["bad"].requests, found["bad"].failed) == (100, 25)
    assert dict(found["well"].buckets)[5] == 0
    assert dict(found["well"].buckets)[10] == 100
    assert dict(found["slow"].buckets)[250] == 0
    assert dict(found["slow"].buckets)[500] == 100
    assert found[WHOLE] == Counts(100, 100)
    load.restart()
    assert Reader().read(load.text(), "2").services == {WHOLE: Counts()}


def test_resources(tmp_path: Path) -> None:
    resources = Resources(tmp_path)
    assert (resources.cpu_permille(), resources.memory_permille()) == (None, None)
    (tmp_path / "stat").write_text("cpu  10 0 10 70 10 0 0 0 0 0\ncpu0 1\n")
    assert resources.cpu_permille() is None, "a share needs two looks"
    (tmp_path / "stat").write_text("cpu  30 0 40 90 40 0 0 0 0 0\ncpu0 1\n")
    assert resources.cpu_permille() == 500
    assert resources.cpu_permille() is None, "no time passed"
    (tmp_path / "meminfo").write_text("MemTotal: 8000 kB\nMemFree: 100 kB\nMemAvailable: 2000 kB\n")
    assert resources.memory_permille() == 750
    (tmp_path / "meminfo").write_text("MemTotal: 0 kB\nMemAvailable: 0 kB\n")
    assert resources.memory_permille() is None
