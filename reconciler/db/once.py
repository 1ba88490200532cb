"""The table of named requests whose answers held something that is told once. `models` lists it among all tables."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime

from peewee import AutoField, CharField, IntegrityError

from reconciler.db.session import reading, writing
from reconciler.db.table import InstantField, Table


class ToldOnce(Table):
    """A request that made a token or a key. `idempotency` is what the caller called it, `request` the SHA-256 in hex of
    what was asked for, and `made` the path of what it made: never the token or key itself. One caller gives each name
    once."""

    id = AutoField()
    person = CharField(63)
    idempotency = CharField(100)
    request = CharField(64)
    made = CharField(127)
    at = InstantField()

    class Meta:
        indexes = ((("person", "idempotency"), True),)


class Repeated(Exception):
    """The request was done before. `row` says what it made."""

    def __init__(self, row: ToldOnce) -> None:
        super().__init__(row.made)
        self.row = row


@contextmanager
def telling_once(
    person: str, idempotency: str | None, request: str, *, now: datetime
) -> Iterator[Callable[[str], None]]:
    """A transaction around something that is told once; the block calls what it gets with the path of what it made.

    Raises `Repeated`, and undoes the block, when the person gave that name to a request before: so whether that person
    may do it still is asked first. A request without a name is always another one.
    """

    def made(path: str) -> None:
        if idempotency is not None:
            ToldOnce.create(person=person, idempotency=idempotency, request=request, made=path, at=now)

    try:
        with writing():
            yield made
    except IntegrityError:
        if idempotency is None or (known := _named(person, idempotency)) is None:
            raise
        raise Repeated(known) from None


def _named(person: str, idempotency: str) -> ToldOnce | None:
    with reading():
        found: ToldOnce | None = ToldOnce.get_or_none(
            ToldOnce.person == person, ToldOnce.idempotency == idempotency
        )
    return found
