"""An installation with keys, database and object store, whose log tests fill as the flows do."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from click.testing import CliRunner, Result
from nacl.signing import SigningKey

from reconciler.bundle.pointer import Pointer, sign_pointer
from reconciler.bundle.statement import Statement, sign_statement
from reconciler.cli.log_verbs.command import command
from reconciler.flows import publishing
from reconciler.flows.context import Context, load_installation, open_context
from reconciler.flows.founding import KEYS, configuration, found_root, write_keys
from reconciler.flows.log.files import LogFiles
from reconciler.flows.log.signing import newest, open_log, place
from reconciler.flows.roots import publish_root
from reconciler.keys.uri import load_key
from reconciler.settings import Settings, read_settings
from reconciler.store import layout
from tests.servers.migrated import migrated

NOW = datetime(2026, 11, 23, 20, 0, tzinfo=UTC)


@dataclass
class Installed:
    """`publish` and `point` do what the workers of the two queues do, with real keys."""

    home: Path
    context: Context

    @property
    def files(self) -> LogFiles:
        return open_log(self.context)

    def key(self, role: str) -> SigningKey:
        """The installation's key of a role."""
        return load_key(f"file:{KEYS[role]}", folder=self.home, environ={})

    def publish(self, name: str) -> str:
        """A statement in the store and in the log; its digest."""
        digest = hashlib.sha256(name.encode()).hexdigest()
        statement = Statement(
            "acme", "shop", digest, 10, "0" * 64, 5, "https://forge.example/shop.git", "", "1" * 40, "2" * 40,
            "Ada <ada@example.org>", "sentinel-compiler/0",
        )  # fmt: skip
        key = layout.statement("acme", "shop", f"sha256:{digest}")
        self.context.store.put(key, sign_statement(statement, self.key("bundle")))
        publishing.log_statement(self.context, f"sha256:{digest}")
        return f"sha256:{digest}"

    def point(self, digest: str, sequence: int, environment: str = "dev") -> bytes:
        """A pointer in the store and in the log."""
        pointer = Pointer(
            "acme", "shop", environment, "base", 1, sequence, digest, 10, "0" * 64, 5, NOW, NOW + timedelta(days=1)
        )  # fmt: skip
        (found,) = place(self.context, [pointer.leaf])
        envelope = sign_pointer(replace(pointer, log=found), self.key("pointer"))
        self.context.store.replace(layout.pointer("acme", "shop", environment, "base"), envelope)
        return envelope

    def sign(self) -> str:
        """The newest checkpoint, signed; in its short form."""
        return str(newest(self.context).checkpoint)

    def path(self, name: str) -> Path:
        """A file of the log."""
        found: Path = self.context.settings.files / layout.log("acme", name)
        return found

    def run(self, *arguments: str) -> Result:
        return CliRunner().invoke(command, list(arguments), env={"SENTINEL_HOME": str(self.home)})


def install(home: Path, settings: Settings | None = None) -> Installed:
    """An installation of one organization and one project; with `settings` on a database that is connected already."""
    environ = {"SENTINEL_HOME": str(home)}
    if settings is None:
        settings = read_settings(environ)
        migrated(settings)
    write_keys(home)
    (home / "control-plane.kdl").write_bytes(
        configuration("acme", "shop", "http://127.0.0.1:8003/shop.git", "main", "origin")
    )
    context = open_context(settings, load_installation(settings), "acme", "shop", environ)
    context.now = lambda: NOW
    publish_root(context.store, "acme", found_root("acme", home, NOW), now=NOW)
    return Installed(home, context)


def filled(home: Path, bundles: int) -> Installed:
    """One whose log has a statement and a pointer for each of some bundles."""
    found = install(home)
    for number in range(bundles):
        found.point(found.publish(f"bundle {number}"), number + 1)
    return found
