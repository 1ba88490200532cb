"""What a fake proxy is like. All that a scenario can ask of one, in one place."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Temperament:
    """`reload_seconds`: how long a reload takes to show. `refuses_test`: its own check says no to everything.

    `ignores_reload`: SIGHUP does nothing. `dies_on_start`: it ends as soon as it is started.
    """

    name: str
    reload_seconds: float = 0.0
    refuses_test: bool = False
    ignores_reload: bool = False
    dies_on_start: bool = False


TEMPERAMENTS: dict[str, Temperament] = {
    temperament.name: temperament
    for temperament in (
        Temperament("steady"),
        Temperament("slow", reload_seconds=2.0),
        Temperament("refuses", refuses_test=True),
        Temperament("deaf", ignores_reload=True),
        Temperament("fragile", dies_on_start=True),
    )
}
