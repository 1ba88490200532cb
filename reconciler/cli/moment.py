"""A moment on the command line."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import click


class Moment(click.ParamType[datetime]):
    """A moment as `2026-12-24T18:00` (UTC), or with an offset as `2026-12-24T18:00+01:00`."""

    name = "time"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        if isinstance(value, datetime):
            return value
        try:
            moment = datetime.fromisoformat(value)
        except ValueError:
            self.fail(f"{value!r} is no moment; write it like 2026-12-24T18:00 or 2026-12-24T18:00+01:00")
        return moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
