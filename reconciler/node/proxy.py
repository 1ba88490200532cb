"""What the agent asks of a proxy, whichever it is: a process (`process`), or a fake one in a simulated fleet."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from reconciler.fleet.signals import Signals

MARKER = "sentinel-config-"
"""An unreferenced filter with this prefix carries the config-id; the proxy's `config` builtin lists filter ids."""


@dataclass(frozen=True, slots=True)
class TestResult:
    """What the proxy's own check said of a configuration. `words` is its own text, cut to what a report can carry."""

    __test__ = False

    ok: bool
    words: str = ""


@dataclass(frozen=True, slots=True)
class RunningReport:
    """What the proxy says of itself.

    `config_id` is the id of the configuration that is live, None when the proxy does not answer or carries no
    marker. `healthy` is its own judgement, with the reason in `reason` when it is not.
    """

    config_id: str | None
    healthy: bool
    reason: str = ""
    version: str = ""


class Proxy(Protocol):
    """A proxy that serves the file behind one symlink. No method raises: what goes wrong is in the answer."""

    def test(self, path: Path) -> TestResult:
        """Check the configuration in `path` without touching the one that is live."""

    def reload(self) -> TestResult:
        """Read the file behind the symlink again without cutting connections; starts a proxy that does not run.

        Whether it took effect is told by `running`, not by this answer: the proxy itself does not say.
        """

    def restart(self) -> TestResult:
        """Stop the proxy if it runs, and start it with the file behind the symlink."""

    def running(self) -> RunningReport:
        """What is live now."""

    def signals(self) -> Signals | None:
        """What it counted since it started, and how the machine fares; None when that cannot be had now."""
