"""Rows on their way out of one database and into another, whichever of the two kinds each of them is.

A row travels as what the database keeps: numbers, texts, truth values and nulls, so moments are milliseconds and
documents are their canonical text.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any

from peewee import BigIntegerField, BooleanField, CharField, Field, IntegerField, IntegrityError, fn

from reconciler.db.session import is_sqlite
from reconciler.db.table import Table, database
from reconciler.errors import Refused

Values = dict[str, int | str | bool | None]

ROWS_AT_ONCE = 500
VARIABLES_AT_ONCE = 900
"""SQLite takes at most 999 variables in one statement on old builds."""

MOST = 2**63


def name_of(table: type[Table]) -> str:
    """The table's name in the database."""
    return str(table._meta.table_name)


def columns(table: type[Table], without: Collection[str] = ()) -> dict[str, Field]:
    """The fields of a table by name, in order."""
    fields: Mapping[str, Field] = table._meta.fields
    return {name: field for name, field in fields.items() if name not in without}


def read_rows(table: type[Table], without: Collection[str] = ()) -> Iterator[Values]:
    """Every row, in the order of the primary key. Call inside `snapshot`."""
    fields, key = columns(table, without), _key(table)
    query = table.select(*fields.values()).order_by(key).limit(ROWS_AT_ONCE)
    page: list[dict[str, Any]] = list(query.dicts())  # type: ignore[arg-type]
    while page:
        for row in page:
            yield {name: field.db_value(row[name]) for name, field in fields.items()}
        page = list(query.where(key > page[-1][key.name]).dicts())  # type: ignore[arg-type]


def check_row(table: type[Table], values: Mapping[str, Any], without: Collection[str] = ()) -> None:
    """Return when these are values of a row of the table. Raises ValueError that names the column."""
    fields = columns(table, without)
    unknown = sorted(set(values) - set(fields))
    if unknown:
        raise ValueError(f"{name_of(table)} has no column '{unknown[0][:40]}'")
    for name, field in fields.items():
        if name in values:
            _check(name, field, values[name])
        elif not field.null and field.default is None:
            raise ValueError(f"the column '{name}' is missing")


def insert_rows(table: type[Table], rows: Sequence[Mapping[str, Any]]) -> None:
    """Write rows that `check_row` has passed, as they are. Call inside `writing`. Raises `Refused` E-BAK-107."""
    fields = columns(table)
    step = max(1, VARIABLES_AT_ONCE // len(fields))
    for start in range(0, len(rows), step):
        part = [
            {name: fields[name].python_value(value) for name, value in row.items()}
            for row in rows[start : start + step]
        ]
        try:
            table.insert_many(part).execute()
        except IntegrityError:
            raise Refused(
                "E-BAK-107",
                f"two rows of {name_of(table)} in the backup cannot both be",
                cure="It was not made by `sentinelctl backup` like this: take another one",
            ) from None


def count_on(tables: Iterable[type[Table]]) -> None:
    """Let the numbers of new rows go on after the highest there is. Call inside `writing`, after `insert_rows`."""
    if is_sqlite():
        return  # SQLite goes on after the highest number by itself.
    for table in tables:
        key = _key(table)
        if key.auto_increment:
            highest = table.select(fn.MAX(key)).scalar()
            if highest is not None:
                sequence = f"pg_get_serial_sequence('{name_of(table)}', '{key.column_name}')"
                database.execute_sql(f"SELECT setval({sequence}, %s)", (highest,))


def not_empty(tables: Iterable[type[Table]]) -> list[str]:
    """The names of those tables that have rows. Call inside `reading` or `writing`."""
    return [name_of(table) for table in tables if table.select().limit(1).exists()]


def _key(table: type[Table]) -> Any:
    return table._meta.primary_key


def _check(name: str, field: Field, value: Any) -> None:
    if value is None:
        if not field.null:
            raise ValueError(f"the column '{name}' is empty")
        return
    if isinstance(field, BooleanField):
        good = isinstance(value, bool)
    elif isinstance(field, (IntegerField, BigIntegerField)):
        good = isinstance(value, int) and not isinstance(value, bool) and -MOST <= value < MOST
    else:
        good = isinstance(value, str) and "\x00" not in value
        if good and isinstance(field, CharField):
            good = len(value) <= field.max_length
    if not good:
        raise ValueError(f"the column '{name}' has a value of another kind than it takes")
    field.python_value(value)
