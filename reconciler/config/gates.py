"""The gates of an environment's policy as data: kept with a commit, copied into the plan of a rollout, compared.

Every kind of gate is one line in `FORMS`. Numbers are whole, in the unit that their name ends with, so that they are
the same in JSON, in a plan and in the inputs of a decision.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

Value = int | str


@dataclass(frozen=True, slots=True)
class GateForm:
    """What a kind of gate holds. `subject`: whether it is about something that has a name.

    Of numbers that `lower` or `higher` name, that side is the stricter one; of `either` none is. Gates that differ in
    one of `same` or of `words` have nothing to do with each other.
    """

    subject: bool = False
    lower: tuple[str, ...] = ()
    higher: tuple[str, ...] = ()
    either: tuple[str, ...] = ()
    same: tuple[str, ...] = ()
    words: tuple[str, ...] = ()

    @property
    def numbers(self) -> tuple[str, ...]:
        return (*self.lower, *self.higher, *self.either, *self.same)


FORMS: Mapping[str, GateForm] = MappingProxyType(
    {
        "error-rate": GateForm(lower=("max-ppm",), higher=("samples",)),
        "latency": GateForm(lower=("max-ms",), higher=("samples",), same=("percentile",)),
        "cpu": GateForm(lower=("max-permille",)),
        "memory": GateForm(lower=("max-permille",)),
        "http": GateForm(True, lower=("within-ms",), either=("status",)),
        "slo": GateForm(
            True,
            higher=("objective-ppm", "samples"),
            same=("days", "faster-than-ms"),
            words=("service", "sli"),
        ),
        "canary": GateForm(lower=("alpha-ppm", "beta-ppm", "effect-ppm", "slower-ppm"), higher=("samples",)),
        "soak": GateForm(higher=("seconds",)),
        "manual": GateForm(),
    }
)
"""Kind of gate → what it holds. Their order is the order in which verdicts are shown."""

_ORDER = {kind: place for place, kind in enumerate(FORMS)}


@dataclass(frozen=True, slots=True)
class GateSpec:
    """One gate that a policy asks for. `subject` is what it is about ("" where its kind has none)."""

    kind: str
    subject: str = ""
    values: Mapping[str, Value] = field(default_factory=dict)

    def number(self, name: str) -> int:
        """A number of its kind. KeyError for any other name."""
        return int(self.values[name])

    @property
    def label(self) -> str:
        """What verdicts call it."""
        if self.kind == "latency":
            return f"latency p{self.number('percentile')}"
        return f"{self.kind} {self.subject}" if self.subject else self.kind

    @property
    def key(self) -> tuple[Any, ...]:
        """What two gates have in common that can be compared; also their order."""
        form = FORMS[self.kind]
        return (
            _ORDER[self.kind],
            self.subject,
            *(self.values[name] for name in form.same),
            *(self.values[name] for name in form.words),
        )

    def to_json(self) -> dict[str, Any]:
        """A JSON object."""
        return {"kind": self.kind, "subject": self.subject, "values": dict(sorted(self.values.items()))}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> GateSpec:
        """The gate that `to_json` gave. Raises KeyError, TypeError or ValueError for anything else."""
        found = cls(data["kind"], data["subject"], dict(data["values"]))
        found.check()
        return found

    def check(self) -> None:
        """Raises ValueError, which names what is wrong, unless it holds exactly what its kind does."""
        form = FORMS.get(self.kind)
        if form is None:
            raise ValueError(f"there is no gate '{self.kind}'")
        if bool(self.subject) != form.subject:
            raise ValueError(f"'{self.kind}' {'lacks its subject' if form.subject else 'takes no subject'}")
        if self.values.keys() != {*form.numbers, *form.words}:
            raise ValueError(f"'{self.kind}' takes {', '.join((*form.numbers, *form.words)) or 'no values'}")
        for name, value in self.values.items():
            kind = str if name in form.words else int
            if type(value) is not kind or (kind is int and int(value) < 0):
                raise ValueError(f"'{self.kind}': '{name}' is no {'text' if kind is str else 'whole number'}")


def in_order(gates: Iterable[GateSpec]) -> tuple[GateSpec, ...]:
    """Gates in the order in which they are kept, judged and shown."""
    return tuple(sorted(gates, key=lambda gate: gate.key))


def stricter_gates(own: Iterable[GateSpec], former: Iterable[GateSpec]) -> tuple[GateSpec, ...]:
    """The gates of both sides; where both have one, the stricter of each number. A gate more is always stricter."""
    found = {gate.key: gate for gate in former}
    for gate in own:
        other = found.get(gate.key)
        found[gate.key] = gate if other is None else _stricter(gate, other)
    return in_order(found.values())


def _stricter(one: GateSpec, two: GateSpec) -> GateSpec:
    form = FORMS[one.kind]
    values = dict(one.values)
    for name in form.lower:
        values[name] = min(one.number(name), two.number(name))
    for name in form.higher:
        values[name] = max(one.number(name), two.number(name))
    return GateSpec(one.kind, one.subject, values)
