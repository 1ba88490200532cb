"""One statement for many rows, where a statement for each would cost more to build and to run than the rows are worth.

On SQLite every step of a statement also gives the interpreter to another thread and has to wait for it again.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from itertools import chain
from typing import Any

from peewee import Field

from reconciler.db.session import is_sqlite
from reconciler.db.table import DocumentField, InstantField, Table, database

VARIABLES = 999
"""SQLite takes no more of them in one statement on old builds."""

PAGE = 400
"""Rows that are asked for by one statement."""


def read_many(
    table: type[Table], columns: Sequence[str], key: str, wanted: Sequence[Any], more: str = "", *values: Any
) -> Iterator[tuple[Any, ...]]:
    """These columns of the rows whose `key` is one of `wanted`, as the database has them: documents as text, moments
    as milliseconds. `more` ends the statement; its `?` are `values`. Call inside `reading` or `writing`."""
    begins = f'SELECT {_names(columns)} FROM "{_name(table)}" WHERE "{key}" IN'  # noqa: S608 — our own names
    for start in range(0, len(wanted), PAGE):
        part = wanted[start : start + PAGE]
        yield from run(f"{begins} ({_places(len(part))}) {more}", (*part, *values)).fetchall()


def update_many(table: type[Table], columns: Sequence[str], key: str, rows: Iterable[Sequence[Any]]) -> None:
    """Set these columns of the rows whose `key` is last in each of `rows`. Call inside `writing`."""
    given, fields = [*columns, key], table._meta.fields
    # A value that is null in every row has no type of its own on PostgreSQL.
    set_to = ", ".join(f'"{name}" = CAST(given."{name}" AS {fields[name].field_type})' for name in columns)
    for values, places in _parts(table, given, rows):
        run(
            f'WITH given ({_names(given)}) AS (VALUES {places}) UPDATE "{_name(table)}" SET {set_to} '  # noqa: S608
            f'FROM given WHERE "{_name(table)}"."{key}" = given."{key}"',
            values,
        )


def insert_many(table: type[Table], columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Write new rows, in their order. Call inside `writing`."""
    for values, places in _parts(table, columns, rows):
        run(f'INSERT INTO "{_name(table)}" ({_names(columns)}) VALUES {places}', values)  # noqa: S608 — our own names


def upsert_many(
    table: type[Table], columns: Sequence[str], key: Sequence[str], rows: Iterable[Sequence[Any]]
) -> None:
    """Write rows, of which no two have the same `key`; of one that is there already, every other column is replaced.
    Call inside `writing`."""
    replaced = ", ".join(f'"{name}" = excluded."{name}"' for name in columns if name not in key)
    for values, places in _parts(table, columns, rows):
        run(
            f'INSERT INTO "{_name(table)}" ({_names(columns)}) VALUES {places} '  # noqa: S608 — our own names
            f"ON CONFLICT ({_names(key)}) DO UPDATE SET {replaced}",
            values,
        )


def _parts(
    table: type[Table], columns: Sequence[str], rows: Iterable[Sequence[Any]]
) -> Iterator[tuple[list[Any], str]]:
    """The values of as many rows as one statement takes, and their places in it."""
    values, place = _written(table, columns, rows), f"({_places(len(columns))})"
    at_once = VARIABLES // len(columns)
    for start in range(0, len(values), at_once):
        part = values[start : start + at_once]
        yield list(chain.from_iterable(part)), ", ".join([place] * len(part))


def _written(
    table: type[Table], columns: Sequence[str], rows: Iterable[Sequence[Any]]
) -> list[Sequence[Any]]:
    """The rows as the database has them. Numbers and words are written as they are."""
    changed = _converted(table, tuple(columns))
    values: list[Sequence[Any]] = []
    for row in rows:
        value = list(row)
        for place, field in changed:
            value[place] = field.db_value(value[place])
        values.append(value)
    return values


@lru_cache(maxsize=256)
def _converted(table: type[Table], columns: tuple[str, ...]) -> tuple[tuple[int, Field], ...]:
    fields = [table._meta.fields[name] for name in columns]
    return tuple(
        (place, field)
        for place, field in enumerate(fields)
        if isinstance(field, InstantField | DocumentField)
    )


def run(sql: str, values: Sequence[Any]) -> Any:
    """Run a statement that is written out because it runs so often; its places are `?`. Gives the cursor."""
    return database.execute_sql(sql if is_sqlite() else sql.replace("?", "%s"), values)


def insert_absent(
    table: type[Table], columns: Sequence[str], key: Sequence[str], rows: Iterable[Sequence[Any]]
) -> dict[tuple[Any, ...], int]:
    """Write those rows of whose unique `key` there is none yet, and give the `id` of each that was written, by its key.
    No two of `rows` have the same. Call inside `writing`."""
    numbers: dict[tuple[Any, ...], int] = {}
    returning = f'"id", {_names(key)}'
    for values, places in _parts(table, columns, rows):
        insert = (
            f'INSERT INTO "{_name(table)}" ({_names(columns)}) VALUES {places} '  # noqa: S608 — our own names
            f"ON CONFLICT ({_names(key)}) DO NOTHING"
        )
        if is_sqlite():
            # Before 3.35 it has no RETURNING; nobody else writes during this transaction, and numbers only rise.
            (last,) = run(f'SELECT COALESCE(MAX("id"), 0) FROM "{_name(table)}"', ()).fetchone()  # noqa: S608
            run(insert, values)
            written = run(f'SELECT {returning} FROM "{_name(table)}" WHERE "id" > ?', (last,))  # noqa: S608
        else:
            written = run(f"{insert} RETURNING {returning}", values)
        numbers |= {tuple(found): number for number, *found in written.fetchall()}
    return numbers


def _places(count: int) -> str:
    return ", ".join(["?"] * count)


def _names(columns: Sequence[str]) -> str:
    return ", ".join(f'"{name}"' for name in columns)


def _name(table: type[Table]) -> str:
    name: str = table._meta.table_name
    return name
