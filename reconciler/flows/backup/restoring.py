"""Puts a backup into an empty database: all of it in one transaction, after all of it was looked at.

Afterwards pointers are signed again only under a root of a higher epoch (`check_epoch`): what the database knew of
sequences and of the log is older than what nodes have seen, and a new epoch lets them begin anew.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, BinaryIO

from nacl.public import PrivateKey

from reconciler.clock import parse_iso
from reconciler.db.audit import Act, Actor, record
from reconciler.db.copying import check_row, count_on, insert_rows, not_empty
from reconciler.db.migrate import newest_migration
from reconciler.db.models import TABLES, Node
from reconciler.db.restored import Restored
from reconciler.db.session import reading, writing
from reconciler.errors import ReconcilerError, Refused, Stalled
from reconciler.flows.backup.contents import KEPT
from reconciler.flows.backup.form import FORM, damaged, read_lines
from reconciler.flows.log.appending import catch_up
from reconciler.flows.log.checking import Check
from reconciler.flows.log.files import LogFiles
from reconciler.flows.log.watching import judge
from reconciler.flows.roots import read_stored
from reconciler.keys.sealed_stream import MAGIC, SealedReader
from reconciler.store.port import BlobStore

ROWS_AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class State:
    """What an organization's roots and log were then. `checkpoint` is in the short form, or empty."""

    slug: str
    epoch: int
    root_version: int
    checkpoint: str


@dataclass(frozen=True, slots=True)
class Backup:
    """A backup that was read to its end and is whole."""

    made_at: datetime
    schema: str
    configuration: bytes
    organizations: tuple[State, ...]
    rows: Mapping[str, int]
    sha256: str


def read_backup(source: BinaryIO, key: PrivateKey | None, progress: Callable[[int], None]) -> Backup:
    """Look at every line and every row. Writes nothing.

    Raises `Refused` E-BAK-103 for what is no whole backup, E-BAK-104 when it is sealed and not for this key, and
    `Stalled` E-BAK-105 when a newer version made it.
    """
    header: Mapping[str, Any] = {}
    organizations, configuration, end = [], b"", {}
    for number, line in read_lines(_unsealed(source, key)):
        kind = line["kind"]
        try:
            if kind == "header":
                header = _header(line)
            elif kind == "configuration":
                configuration = str(line["text"]).encode()
            elif kind == "organization":
                organizations.append(_state(line))
            elif kind == "row":
                _check(line)
            elif kind == "end":
                end = dict(line)
            else:
                raise ValueError(f"'{kind[:20]}' is nothing that a backup has")
        except (KeyError, TypeError, ValueError) as error:
            raise damaged(f"line {number}: {error}") from None
        if number % 10_000 == 0:
            progress(number)
    return Backup(
        made_at=parse_iso(header["made_at"]),
        schema=header["schema"],
        configuration=configuration,
        organizations=tuple(organizations),
        rows={name: int(found["rows"]) for name, found in end["tables"].items()},
        sha256=str(end["sha256"]),
    )


def check(backup: Backup, store: BlobStore, *, expected: str | None, now: datetime) -> list[Check]:
    """Whether it may be restored here. Writes nothing into the database."""
    checks = []
    if expected is not None:
        same = expected.removeprefix("sha256:") == backup.sha256
        words = "it is the one that was named" if same else f"it is sha256:{backup.sha256}"
        checks.append(Check("digest", same, words))
    with reading():
        full = not_empty(TABLES)
    checks.append(
        Check(
            "database",
            not full,
            f"it has rows in {', '.join(full)}" if full else "it is empty, with its tables",
        )
    )
    return checks + [check for state in backup.organizations for check in _of_organization(state, store, now)]


def restore(
    backup: Backup, source: BinaryIO, key: PrivateKey | None, *, by: Actor, now: datetime
) -> Mapping[str, int]:
    """Write every row, in one transaction; how many of each table. `source` is the file that `backup` was read from.

    Raises `Stalled` E-BAK-106 when the database is not empty by now, `Refused` when the file is another one by now.
    """
    with writing():
        full = not_empty(TABLES)
        if full:
            raise Stalled(
                "E-BAK-106",
                f"the database is not empty: it has rows in {', '.join(full)}",
                cure="Restore into a new database, before any process of the control plane has used it",
            )
        for name, rows in _pages(source, key, backup):
            insert_rows(KEPT[name].table, rows)
        # They have the time that any node has until it counts as silent: one that was silent before a step of a rollout
        # began would not be waited for.
        Node.update(reported_at=now).execute()
        count_on(kept.table for kept in KEPT.values())
        for state in backup.organizations:
            Restored.create(
                organization=state.slug, epoch=state.epoch, made_at=backup.made_at, restored_at=now
            )
            details = {"made_at": int(backup.made_at.timestamp() * 1000), "sha256": backup.sha256}
            record(by, Act("backup.restored", state.slug, details=details), now=now)
    return backup.rows


def _of_organization(state: State, store: BlobStore, now: datetime) -> Iterator[Check]:
    """Questions about the object store, which is to be as new as the backup, or newer."""
    try:
        chain = read_stored(store, state.slug, now=now)
    except ReconcilerError as error:
        yield Check(f"{state.slug} roots", False, str(error))
        return
    version = chain.newest.version if chain is not None else 0
    yield Check(
        f"{state.slug} roots",
        version >= state.root_version,
        f"the object store has roots up to {version}, the backup knew {state.root_version}",
    )
    if not state.checkpoint:
        return
    files = LogFiles(store, state.slug)
    wrong = judge(files, catch_up(files), state.checkpoint)
    yield Check(
        f"{state.slug} log", not wrong, wrong or f"it begins with what was signed: {state.checkpoint}"
    )


def _pages(
    source: BinaryIO, key: PrivateKey | None, backup: Backup
) -> Iterator[tuple[str, Sequence[Mapping[str, Any]]]]:
    """Rows of one table at a time; the last page comes only when the whole file is the one that was looked at."""
    table = ""
    page: list[Mapping[str, Any]] = []
    for _, line in read_lines(_unsealed(source, key)):
        if line["kind"] == "row":
            if page and (line["table"] != table or len(page) == ROWS_AT_ONCE):
                yield table, page
                page = []
            _check(line)
            table = line["table"]
            page.append(line["values"])
        elif line["kind"] == "end" and line["sha256"] != backup.sha256:
            raise damaged("it changed while it was read")
    if page:
        yield table, page


def _unsealed(source: BinaryIO, key: PrivateKey | None) -> BinaryIO:
    source.seek(0)
    if source.read(len(MAGIC)) != MAGIC:
        source.seek(0)
        return source
    if key is None:
        raise Refused(
            "E-BAK-104",
            "the backup is sealed, and no key is given",
            cure="Name the recipient's private key with --key",
        )
    return SealedReader(source, key)  # type: ignore[return-value]


def _header(line: Mapping[str, Any]) -> Mapping[str, Any]:
    if line["form"] != FORM or not isinstance(line["schema"], str) or line["schema"] > newest_migration():
        raise Stalled(
            "E-BAK-105",
            f"a newer version made this backup: {line['form']}, tables of {line['schema']}",
            cure="Restore it with that version or a later one",
        )
    parse_iso(line["made_at"])
    return line


def _state(line: Mapping[str, Any]) -> State:
    return State(str(line["slug"]), int(line["epoch"]), int(line["root_version"]), str(line["checkpoint"]))


def _check(line: Mapping[str, Any]) -> None:
    kept = KEPT.get(line["table"])
    if kept is None:
        raise ValueError(f"there is no table '{line['table'][:40]}' in a backup")
    check_row(kept.table, line["values"], kept.without)
