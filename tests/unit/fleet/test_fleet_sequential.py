"""The sequential test: that its e-values are some, exactly, and that its error rates hold when it is used, by lot."""

from __future__ import annotations

import math
import random

import pytest

from reconciler.fleet.sequential import Arm, log_mean, not_worse, worse

ALPHA, BETA, EFFECT = 0.05, 0.1, 0.05


def binomial(trials: int, hits: int, share: float) -> float:
    return math.comb(trials, hits) * share**hits * (1 - share) ** (trials - hits)


def expected(canary: tuple[int, float], control: tuple[int, float], test: object) -> float:
    """The expectation of an e-value, over every outcome there is."""
    (one, high), (two, low) = canary, control
    return sum(
        binomial(one, a, high) * binomial(two, b, low) * math.exp(test(Arm(one, a), Arm(two, b), EFFECT))  # type: ignore[operator]
        for a in range(one + 1)
        for b in range(two + 1)
    )


SHARES = (0.001, 0.01, 0.05, 0.2, 0.5, 0.8)
SIZES = ((5, 5), (12, 30), (30, 8))


@pytest.mark.parametrize("share", SHARES)
@pytest.mark.parametrize(("canary", "control"), SIZES)
def test_an_equal_or_better_release_gives_no_evidence_of_worse(
    canary: int, control: int, share: float
) -> None:
    assert expected((canary, share), (control, share), worse) <= 1 + 1e-9
    assert expected((canary, share / 2), (control, share), worse) <= 1 + 1e-9


@pytest.mark.parametrize("share", SHARES)
@pytest.mark.parametrize(("canary", "control"), SIZES)
def test_a_release_worse_by_the_effect_gives_no_evidence_of_not_worse(
    canary: int, control: int, share: float
) -> None:
    assert expected((canary, share + EFFECT), (control, share), not_worse) <= 1 + 1e-9
    assert expected((canary, share + 3 * EFFECT), (control, share), not_worse) <= 1 + 1e-9


def test_nothing_seen_is_no_evidence() -> None:
    for canary, control in ((Arm(0, 0), Arm(100, 1)), (Arm(100, 1), Arm(0, 0))):
        assert worse(canary, control, EFFECT) == not_worse(canary, control, EFFECT) == 0.0


def test_more_of_the_same_is_more_evidence() -> None:
    bad = [worse(Arm(n, n // 10), Arm(n * 4, 0), EFFECT) for n in (100, 200, 400)]
    good = [not_worse(Arm(n, 0), Arm(n * 4, 0), EFFECT) for n in (100, 200, 400)]
    assert 0 < bad[0] < bad[1] < bad[2]
    assert 0 < good[0] < good[1] < good[2]


def test_every_request_may_fail() -> None:
    assert worse(Arm(50, 50), Arm(500, 0), EFFECT) > 20
    assert not_worse(Arm(50, 50), Arm(500, 0), EFFECT) < 0
    assert math.isfinite(worse(Arm(50, 50), Arm(500, 500), EFFECT))
    assert math.isfinite(not_worse(Arm(50, 50), Arm(500, 500), EFFECT))


def test_the_mean_of_evidence() -> None:
    assert log_mean([math.log(1.0), math.log(3.0)]) == pytest.approx(math.log(2.0))


def play(seed: int, low: float, high: float, looks: int = 14) -> str:
    """One release: requests come in, a fifth of them to the canary, and it is looked at again and again."""
    lot = random.Random(seed)
    canary, control = Arm(0, 0), Arm(0, 0)
    for look in range(1, looks + 1):
        more = 40 * look
        one = sum(lot.random() < high for _ in range(more))
        two = sum(lot.random() < low for _ in range(4 * more))
        canary = Arm(canary.trials + more, canary.hits + one)
        control = Arm(control.trials + 4 * more, control.hits + two)
        if worse(canary, control, EFFECT) >= math.log(1 / ALPHA):
            return "worse"
        if not_worse(canary, control, EFFECT) >= math.log(1 / BETA):
            return "same"
    return "not enough data"


RUNS = 150


@pytest.mark.parametrize("share", [0.0, 0.01, 0.1])
def test_an_equal_release_is_rarely_called_worse_and_mostly_passes(share: float) -> None:
    ends = [play(seed, share, share) for seed in range(RUNS)]
    assert ends.count("worse") <= ALPHA * RUNS
    assert ends.count("same") >= 0.9 * RUNS


@pytest.mark.parametrize("share", [0.0, 0.01, 0.1])
def test_a_release_worse_by_the_effect_rarely_passes_and_is_mostly_found(share: float) -> None:
    ends = [play(seed, share, share + EFFECT) for seed in range(RUNS)]
    assert ends.count("same") <= BETA * RUNS
    assert ends.count("worse") >= 0.8 * RUNS


def test_a_much_worse_release_is_found_at_once() -> None:
    assert [play(seed, 0.01, 0.5, looks=2) for seed in range(30)] == ["worse"] * 30
