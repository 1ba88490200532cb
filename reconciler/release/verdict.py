"""What a gate answers. Every answer carries its reason."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from reconciler.release.state import NO_COUNTS, Judgement


@dataclass(frozen=True, slots=True)
class Pass:
    """`evidence`, here and below, is what the answer was made from: whole numbers by name, kept with it."""

    because: str
    evidence: Mapping[str, int] = field(default_factory=lambda: NO_COUNTS)


@dataclass(frozen=True, slots=True)
class Wait:
    """`until` is the earliest moment at which time alone could change the answer; None when only news can."""

    because: str
    until: datetime | None = None
    evidence: Mapping[str, int] = field(default_factory=lambda: NO_COUNTS)


@dataclass(frozen=True, slots=True)
class Fail:
    because: str
    evidence: Mapping[str, int] = field(default_factory=lambda: NO_COUNTS)


Verdict = Pass | Wait | Fail

_SEVERITY: tuple[type[Verdict], ...] = (Pass, Wait, Fail)
_NAMES: dict[type[Verdict], str] = {Pass: "pass", Wait: "wait", Fail: "fail"}


def severity(verdict: Verdict) -> int:
    """The order in which one answer outweighs another: Pass, Wait, Fail."""
    return _SEVERITY.index(type(verdict))


def judgement(gate: str, verdict: Verdict) -> Judgement:
    """The form that is kept and shown."""
    return Judgement(gate, _NAMES[type(verdict)], verdict.because, verdict.evidence)
