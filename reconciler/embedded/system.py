"""One embedded system as an object: `up` and `demo` start it, tests too."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

from reconciler.db.session import disconnect
from reconciler.embedded.bootstrap import PROJECT, bootstrap
from reconciler.embedded.layout import Layout, open_layout
from reconciler.embedded.programs import programs
from reconciler.embedded.supervisor import Supervisor
from reconciler.embedded.watching import Watch
from reconciler.settings import read_settings


class EmbeddedSystem:
    """The whole system in one folder. `start` returns when every process answers."""

    def __init__(
        self, home: Path, *, free_ports: bool, poll_seconds: float, say: Callable[[str], None]
    ) -> None:
        self.layout: Layout = open_layout(home.absolute(), free_ports=free_ports)
        self.settings = read_settings(self.layout.environ())
        self.supervisor = Supervisor(
            programs(self.layout, poll_seconds=poll_seconds), logs=self.layout.logs, say=say
        )

    @property
    def clone_url(self) -> str:
        """What `git clone` takes."""
        return f"{self.layout.url('git')}/{PROJECT}.git"

    def start(self) -> None:
        """Make what is missing and start every process. Raises `Stalled` when one does not come up."""
        bootstrap(self.layout, self.settings)
        disconnect()
        try:
            self.supervisor.start()
        except BaseException:
            self.supervisor.stop()
            raise

    def run(self, stop: threading.Event, *, reload: bool = False) -> None:
        """Keep the processes alive until `stop` is set."""
        if reload:
            root = Path(__file__).resolve().parents[2]
            watch = Watch(root / part for part in ("reconciler", "web", "webhooks"))
            self.supervisor.watch(stop, watch.changed)
        else:
            self.supervisor.watch(stop)

    def stop(self) -> None:
        """Stop every process, the last started first."""
        self.supervisor.stop()
