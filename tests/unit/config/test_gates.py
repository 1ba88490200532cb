"""Gates in the language, what they amount to, and which of two is the stricter one."""

from __future__ import annotations

import pytest

from reconciler.config.gates import FORMS, GateSpec, in_order, stricter_gates
from tests.unit.config.trees import SERVICE, UPSTREAM, brief, read, sound


def environment(gates: str, *, strategy: str = "rolling") -> str:
    inside = f'strategy "{strategy}"\n        gates {{\n{gates}\n        }}'
    return f'environment "x" {{\n    proxy-version "0.6.20"\n    policy {{\n        {inside}\n    }}\n}}\n'


def slo(*, objective: str = "99.95%", only: str = "") -> str:
    return (
        'slo "fast" {\n    service "orders"\n    sli "latency"\n    faster-than "300ms"\n'
        f'    objective "{objective}"\n    window "28d"\n{only}}}\n'
    )


def gates(text: str, *more: str) -> tuple[GateSpec, ...]:
    policies = sound(SERVICE, UPSTREAM, environment(text), *more).policies
    return next(policy for policy in policies if policy.name == "x").gates


def test_every_gate() -> None:
    found = gates(
        'manual; soak "30m"; canary beta="2%" effect="0.5%"; slo "fast"\nhttp "https://b.example.com/"\n'
        'http "https://a.example.com/x?y=1" status=204 within="500ms"\n'
        'memory max="90%"; cpu max="80.55%"\nlatency percentile=99 max="500ms"\nerror-rate max="0.5%" samples=20',
        slo(),
    )
    assert found == (
        GateSpec("error-rate", "", {"max-ppm": 5000, "samples": 20}),
        GateSpec("latency", "", {"percentile": 99, "max-ms": 500, "samples": 100}),
        GateSpec("cpu", "", {"max-permille": 805}),
        GateSpec("memory", "", {"max-permille": 900}),
        GateSpec("http", "https://a.example.com/x?y=1", {"status": 204, "within-ms": 500}),
        GateSpec("http", "https://b.example.com/", {"status": 200, "within-ms": 2000}),
        GateSpec(
            "slo",
            "fast",
            {
                "objective-ppm": 999_500,
                "samples": 100,
                "days": 28,
                "faster-than-ms": 300,
                "service": "orders",
                "sli": "latency",
            },
        ),
        GateSpec(
            "canary",
            "",
            {
                "alpha-ppm": 10_000,
                "beta-ppm": 20_000,
                "effect-ppm": 5000,
                "slower-ppm": 50_000,
                "samples": 100,
            },
        ),
        GateSpec("soak", "", {"seconds": 1800}),
        GateSpec("manual"),
    )
    for gate in found:
        gate.check()
        assert GateSpec.from_json(gate.to_json()) == gate


def test_an_objective_is_rounded_to_its_stricter_side() -> None:
    (found,) = gates('slo "fast"', slo(objective="99.99801%"))
    assert found.number("objective-ppm") == 999_981


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("error-rate", "E-KND-005"),
        ('error-rate max="101%"', "E-VAL-003"),
        ('error-rate max="1%" samples=0', "E-VAL-003"),
        ('error-rate "1%" max="1%"', "E-KND-006"),
        ("error-rate max=1", "E-VAL-001"),
        ('latency max="500ms"', "E-KND-005"),
        ('latency percentile=100 max="500ms"', "E-VAL-003"),
        ('latency percentile=99 max="0ms"', "E-VAL-003"),
        ('cpu max="0%"', "E-VAL-003"),
        ('http "http://shop.example.com/"', "E-VAL-004"),
        ('http "https://me:you@shop.example.com/"', "E-VAL-020"),
        ('http "https://shop.example.com/" within="11s"', "E-VAL-003"),
        ('http "https://shop.example.com/"; http "https://shop.example.com/" status=204', "E-VAL-008"),
        ('slo "slow"', "E-REF-001"),
        ('soak "1500ms"', "E-VAL-003"),
        ("manual; manual", "E-KND-004"),
        ('canary effect="0%"', "E-VAL-003"),
        ('canary effect="51%"', "E-VAL-003"),
    ],
)
def test_mistakes(text: str, found: str) -> None:
    _, findings = read(SERVICE, UPSTREAM, environment(text), slo())
    assert [one.split()[0] for one in brief(findings)][:1] == [found]


def test_an_objective_has_to_be_in_the_environment_that_it_guards() -> None:
    _, findings = read(SERVICE, UPSTREAM, environment('slo "fast"'), slo(only='    only "dev"\n'))
    assert [(one.code, one.place.line) for one in findings if one.place] == [("E-REF-002", 6)]
    assert gates('slo "fast"', slo(only='    only "x"\n'))


def test_a_canary_needs_somebody_to_be_compared_with() -> None:
    _, findings = read(SERVICE, UPSTREAM, environment("canary", strategy="all-at-once"), slo())
    assert [one.split()[0] for one in brief(findings)] == ["E-VAL-009"]
    assert gates("canary")[0].number("alpha-ppm") == 10_000


RATE = GateSpec("error-rate", "", {"max-ppm": 10_000, "samples": 100})
P99 = GateSpec("latency", "", {"percentile": 99, "max-ms": 500, "samples": 100})
P50 = GateSpec("latency", "", {"percentile": 50, "max-ms": 50, "samples": 100})
HTTP = GateSpec("http", "https://a.example.com/", {"status": 200, "within-ms": 2000})


def with_values(gate: GateSpec, **values: int) -> GateSpec:
    changed = {name.replace("_", "-"): value for name, value in values.items()}
    return GateSpec(gate.kind, gate.subject, {**gate.values, **changed})


@pytest.mark.parametrize(
    ("own", "former", "expected"),
    [
        pytest.param((), (RATE,), (RATE,), id="one is taken away"),
        pytest.param((RATE,), (), (RATE,), id="one is added"),
        pytest.param(
            (with_values(RATE, max_ppm=1),), (RATE,), (with_values(RATE, max_ppm=1),), id="less may fail"
        ),
        pytest.param((with_values(RATE, max_ppm=20_000),), (RATE,), (RATE,), id="more may fail"),
        pytest.param((with_values(RATE, samples=1),), (RATE,), (RATE,), id="fewer samples"),
        pytest.param(
            (with_values(RATE, max_ppm=20_000, samples=500),),
            (RATE,),
            (with_values(RATE, samples=500),),
            id="both",
        ),
        pytest.param((P50,), (P99,), (P50, P99), id="another percentile is another gate"),
        pytest.param(
            (with_values(HTTP, status=204),), (HTTP,), (with_values(HTTP, status=204),), id="another status"
        ),
        pytest.param((with_values(HTTP, within_ms=9000),), (HTTP,), (HTTP,), id="more time"),
        pytest.param(
            (GateSpec("http", "https://b.example.com/", HTTP.values),),
            (HTTP,),
            (HTTP, GateSpec("http", "https://b.example.com/", HTTP.values)),
            id="another address",
        ),
    ],
)
def test_the_stricter_of_two(
    own: tuple[GateSpec, ...], former: tuple[GateSpec, ...], expected: tuple[GateSpec, ...]
) -> None:
    assert stricter_gates(own, former) == expected


def test_their_order_is_that_of_the_table() -> None:
    assert in_order((GateSpec("manual"), HTTP, P99, P50, RATE)) == (RATE, P50, P99, HTTP, GateSpec("manual"))


@pytest.mark.parametrize(
    ("gate", "words"),
    [
        (GateSpec("hope"), "no gate 'hope'"),
        (GateSpec("http", "", HTTP.values), "lacks its subject"),
        (GateSpec("cpu", "x", {"max-permille": 1}), "takes no subject"),
        (GateSpec("cpu", "", {}), "takes max-permille"),
        (GateSpec("manual", "", {"x": 1}), "takes no values"),
        (GateSpec("cpu", "", {"max-permille": "1"}), "is no whole number"),
        (GateSpec("cpu", "", {"max-permille": True}), "is no whole number"),
        (GateSpec("cpu", "", {"max-permille": -1}), "is no whole number"),
    ],
)
def test_what_is_no_gate(gate: GateSpec, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        gate.check()


def test_no_name_stands_twice_in_a_form() -> None:
    for form in FORMS.values():
        names = (*form.numbers, *form.words)
        assert len(names) == len(set(names))
