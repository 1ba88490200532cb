"""An installation with one connection for each dialect, and its receiver."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from reconciler.db import session
from reconciler.db.intake import Receipt
from reconciler.db.owed import due
from reconciler.settings import read_settings
from tests.forges.dialects import DIALECTS
from tests.forges.dialects.speaking import Delivery, Dialect, Repo
from tests.servers.migrated import migrated
from webhooks import nudging
from webhooks.app import create_app

NOW = datetime(2026, 11, 23, 20, 0, tzinfo=UTC)
KEYS = 'keys { bundle "file:b"; pointer "file:p"; commit "file:c" }'
REPO = Repo()
OLD, NEW = "1" * 40, "2" * 40


def config() -> str:
    parts = []
    for label, dialect in DIALECTS.items():
        variable = variable_of(label)
        secrets = f'secret "env:{variable}" "env:{variable}_NEXT"'
        parts += [
            f'connection "{label}" {{ forge "{dialect.forge}"; {secrets} }}',
            f'connection "{label}-bare" {{ forge "{dialect.forge}" }}',
            f'connection "{label}-empty" {{ forge "{dialect.forge}"; secret "env:EMPTY" }}',
            f'project "{label}" {{ repository "{REPO.clone_url}"; branch-prefix "{label}/"; connection "{label}" }}',
        ]
    return f'organization "acme" {{\n{KEYS}\n' + "\n".join(parts) + "\n}\n"


def variable_of(label: str) -> str:
    return label.upper().replace("-", "_") + "_SECRET"


class World:
    """The receiver, its clock, and the nudges it made."""

    def __init__(self, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.nudges: list[int] = []
        self.now = NOW
        monkeypatch.setattr(nudging.Nudger, "wake", lambda nudger: self.nudges.append(1))
        self.environ = {"SENTINEL_HOME": str(home), "REDIS_URL": "redis://127.0.0.1:1/0", "EMPTY": ""}
        self.environ |= {variable_of(label): dialect.secret.decode() for label, dialect in DIALECTS.items()}
        self.config = home / "control-plane.kdl"
        home.mkdir(parents=True, exist_ok=True)
        self.config.write_text(config())
        migrated(read_settings(self.environ))
        self.app = create_app(self.environ, now=lambda: self.now)
        self.client: FlaskClient = self.app.test_client()

    def send(
        self,
        dialect: Dialect,
        made: Delivery,
        *,
        secret: bytes | None = None,
        signed: bool = True,
        connection: str = "",
        forge: str = "",
    ) -> TestResponse:
        if signed:
            made = dialect.sign(made, dialect.secret if secret is None else secret, self.now)
        return self.client.post(
            f"/webhooks/{forge or dialect.forge}/{connection or dialect.label}",
            data=made.body,
            headers=made.headers,
        )


def owed() -> list[tuple[str, str, str]]:
    return sorted((work.project, work.kind, work.subject) for work in due(NOW))


def receipts() -> list[Receipt]:
    with session.reading():
        return list(Receipt.select().order_by(Receipt.id))


def moves() -> dict[str, tuple[str, str]]:
    """What the receipts say that moved."""
    return {
        ref: (move["before"], move["after"]) for receipt in receipts() for ref, move in receipt.refs.items()
    }
