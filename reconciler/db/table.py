"""What every table is made of: the database that is connected later, moments and JSON documents."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
from peewee import BigIntegerField, DatabaseProxy, Model, TextField

database = DatabaseProxy()

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MILLISECOND = timedelta(milliseconds=1)

_AS_WRITTEN = orjson.OPT_SORT_KEYS | orjson.OPT_PASSTHROUGH_DATACLASS | orjson.OPT_PASSTHROUGH_DATETIME


def _write(value: Any) -> str:
    """Nearly all documents are written by the quick writer, to which names have to be words and numbers short. JSON has
    no infinity: either it or what is no number is written as null."""
    try:
        return orjson.dumps(value, option=_AS_WRITTEN).decode()
    except TypeError:
        return _write_any(value)


# `json.dumps` with these arguments would make the encoder again for every document.
_write_any = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode


class InstantField(BigIntegerField):
    """A moment: milliseconds since the Unix epoch in the database, an aware UTC datetime in Python."""

    def db_value(self, value: datetime | None) -> int | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a moment needs a time zone")
        return (value - EPOCH) // MILLISECOND

    def python_value(self, value: int | None) -> datetime | None:
        return None if value is None else EPOCH + timedelta(milliseconds=value)


class DocumentField(TextField):
    """A JSON document, kept as text with sorted keys."""

    def db_value(self, value: Any) -> str | None:
        if value is None:
            return None
        return _write(value)

    def python_value(self, value: str | None) -> Any:
        return None if value is None else json.loads(value)


class Table(Model):
    class Meta:
        database = database
        legacy_table_names = False
