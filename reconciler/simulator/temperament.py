"""What a fake proxy is like. All that a scenario can ask of one, in one place."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Temperament:
    """`reload_seconds`: how long a reload takes to show. `refuses_test`: its own check says no to everything.

    `ignores_reload`: SIGHUP does nothing. `dies_on_start`: it ends as soon as it is started. Each of its routes gets
    `requests_per_second`, of which `failing_permille` are answered 500 and which take `latency_ms` longer than the
    configuration makes them (`load`). `cpu_permille` and `memory_permille` are those of its machine.
    `flaps`: every how many times that it is asked its health turns over, 0 for never. `lies`: it says that it runs
    what lies in its file, and runs nothing of it. `skew_seconds`: how far the clock of its machine is off. `restores`:
    every how many rounds its machine is set back to an older image of itself, 0 for never.
    """

    name: str
    reload_seconds: float = 0.0
    refuses_test: bool = False
    ignores_reload: bool = False
    dies_on_start: bool = False
    requests_per_second: int = 20
    failing_permille: int = 0
    latency_ms: int = 0
    cpu_permille: int = 100
    memory_permille: int = 250
    flaps: int = 0
    lies: bool = False
    skew_seconds: float = 0.0
    restores: int = 0


TEMPERAMENTS: dict[str, Temperament] = {
    temperament.name: temperament
    for temperament in (
        Temperament("steady"),
        Temperament("slow", reload_seconds=2.0),
        Temperament("refuses", refuses_test=True),
        Temperament("deaf", ignores_reload=True),
        Temperament("fragile", dies_on_start=True),
        Temperament("failing", failing_permille=50),
        Temperament("laggard", latency_ms=800),
        Temperament("idle", requests_per_second=0),
        Temperament("flapping", flaps=7),
        Temperament("lying", lies=True),
        Temperament("skewed", skew_seconds=3600.0),
        Temperament("lost-in-time", skew_seconds=365 * 86400.0),
        Temperament("restored", restores=40),
        Temperament("exhausted", cpu_permille=980, memory_permille=960),
    )
}
