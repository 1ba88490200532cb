"""An installation that can deliver secrets: its file and keys, values that are sealed and stored, and its worker."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

from nacl.public import PrivateKey

from reconciler import clock
from reconciler.bundle.sealed import Label
from reconciler.db import session
from reconciler.db.models import Node
from reconciler.db.owed import due
from reconciler.flows.context import Context, load_installation, open_context
from reconciler.flows.founding import configuration, sealing_key_file, write_keys, write_sealing_keys
from reconciler.jobs.entry import perform
from reconciler.keys.uri import load_sealing_key
from reconciler.node.keys import NodeKeys, make_keys
from reconciler.settings import Settings
from reconciler.store import layout
from tests.unit.node.publishing import paper_seal

ENVIRONMENTS = ("dev", "production")


@dataclass
class DeliveryWorld:
    """`settings` are of a database that has its tables."""

    settings: Settings
    keys: dict[str, PrivateKey] = field(default_factory=dict)

    def __post_init__(self) -> None:
        folder = self.settings.config_file.parent
        folder.mkdir(parents=True, exist_ok=True)
        write_keys(folder)
        write_sealing_keys(folder, "shop", ENVIRONMENTS)
        self.settings.config_file.write_bytes(
            configuration("acme", "shop", "https://forge.example/shop.git", "main", "forge", ENVIRONMENTS)
        )
        self.keys = {
            name: load_sealing_key(f"file:{sealing_key_file('shop', name)}", folder=folder, environ={})
            for name in ENVIRONMENTS
        }

    @property
    def context(self) -> Context:
        return open_context(self.settings, load_installation(self.settings), "acme", "shop", {})

    def seal(
        self,
        name: str,
        version: int,
        value: bytes,
        environment: str = "production",
        key: PrivateKey | None = None,
    ) -> None:
        """Seal a value and store it, as the trunk flow does."""
        public = bytes((key or self.keys[environment]).public_key)
        sealed = paper_seal(value, public, Label("shop", environment, name, version))
        place, store = ("acme", "shop", environment, name, version), self.context.store
        store.put(layout.sealed_value(*place), sealed.value)
        store.put(layout.wrapped_key(*place, sealed.key_id), sealed.wrapped)

    def work(self) -> list[str]:
        """Do what is owed by now of deliveries, as a release worker does; gives how each ended."""
        endings = []
        for owed in due(clock.now()):
            if owed.kind == "delivery":
                ended = perform(self.settings, {}, owed.organization, owed.project, owed.kind, owed.subject)
                endings.append("not owed" if ended is None else f"{ended.outcome}: {ended.reason}")
        return endings


class Worker:
    """A release worker in a thread, which looks at what is owed ten times a second."""

    def __init__(self, world: DeliveryWorld) -> None:
        self._world = world
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        while not self._stop.wait(0.1):
            self._world.work()
        session.close()

    def stop(self) -> None:
        self._stop.set()
        self._thread.join(30)
        assert not self._thread.is_alive()


def add_nodes(
    names: Iterable[str], *, now: datetime, environment: str = "production", keyed: bool = True
) -> dict[str, NodeKeys]:
    """Rows of nodes as a registration writes them."""
    made = {}
    with session.writing():
        for name in names:
            made[name] = make_keys()
            public = made[name].public
            Node.create(
                id=name, organization="acme", project="shop", environment=environment, name=name, key_sha256="0" * 64,
                signing_key=public.signing if keyed else None, sealing_key=public.sealing if keyed else None,
                registered_at=now, changed_at=now,
            )  # fmt: skip
    return made
