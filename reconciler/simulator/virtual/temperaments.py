"""What nodes of virtual time are like. Each temperament is one line."""

from __future__ import annotations

from dataclasses import dataclass

DAY = 86_400_000
"""Milliseconds."""


@dataclass(frozen=True, slots=True)
class Temperament:
    """What a node is like. Times are milliseconds.

    `activation`: how long it takes to change. `flaps`: every how many reports its health turns over, 0 for never.
    `lies`: it says that it runs what it was told, and does not change. `skew`: how far its clock is off; beyond a day
    every pointer looks expired to it. `restores`: every how many reports it is set back to an old image, 0 for never.
    """

    name: str
    activation: int = 0
    flaps: int = 0
    lies: bool = False
    skew: int = 0
    restores: int = 0


TEMPERAMENTS: dict[str, Temperament] = {
    temperament.name: temperament
    for temperament in (
        Temperament("steady"),
        Temperament("slow", activation=8_000),
        Temperament("flapping", flaps=7),
        Temperament("lying", lies=True),
        Temperament("skewed", skew=3_600_000),
        Temperament("lost-in-time", skew=365 * DAY),
        Temperament("restored", restores=40),
    )
}
