"""The same statement for many rows, where to build each one by itself would cost more than to run it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from psycopg2.extras import execute_batch

from reconciler.db.session import is_sqlite
from reconciler.db.table import Table, database

PAGE = 500


def update_many(table: type[Table], columns: Sequence[str], key: str, rows: Iterable[Sequence[Any]]) -> None:
    """Set these columns of the rows whose `key` is last in each of `rows`. Call inside `writing`."""
    assignments = ", ".join(f'"{name}" = ?' for name in columns)
    sql = f'UPDATE "{_name(table)}" SET {assignments} WHERE "{key}" = ?'  # noqa: S608 — names of our own tables
    _run(sql, table, [*columns, key], rows)


def upsert_many(
    table: type[Table], columns: Sequence[str], key: Sequence[str], rows: Iterable[Sequence[Any]]
) -> None:
    """Write rows; of one whose `key` is there already, every other column is replaced. Call inside `writing`."""
    quoted = [f'"{name}"' for name in columns]
    replaced = ", ".join(f'"{name}" = excluded."{name}"' for name in columns if name not in key)
    sql = (
        f'INSERT INTO "{_name(table)}" ({", ".join(quoted)}) VALUES ({", ".join("?" for _ in columns)}) '  # noqa: S608
        f"ON CONFLICT ({', '.join(key)}) DO UPDATE SET {replaced}"
    )
    _run(sql, table, columns, rows)


def _run(sql: str, table: type[Table], columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    fields = [table._meta.fields[name] for name in columns]
    values = [tuple(field.db_value(value) for field, value in zip(fields, row, strict=True)) for row in rows]
    if not values:
        return
    connection = database.connection()
    if is_sqlite():
        connection.executemany(sql, values)
        return
    with connection.cursor() as cursor:
        execute_batch(cursor, sql.replace("?", "%s"), values, page_size=PAGE)


def _name(table: type[Table]) -> str:
    name: str = table._meta.table_name
    return name
