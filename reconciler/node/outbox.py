"""What the node has to tell beside its heartbeats, kept on its disk until the control plane has it.

    outbox/<number>-<kind>.json   one batch, with the name that makes telling it twice harmless
    outbox/marks.json             how far the WAF agent's log was read, and what was told of the configuration

A batch is durable before it is sent, and its mark stands in it, so a start after any power cut neither loses a line
nor tells it under a second name. All of it is bounded: of events the oldest are given up and counted, the log is not
read on, and of configurations only the newest is of interest.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from reconciler.clock import iso
from reconciler.node.durable import replace_durably
from reconciler.node.effects import Batch
from reconciler.node.waf_log import Cursor, Part, read_part

MOST_BATCHES = 200
MOST_EVENTS = 100
"""Of one batch, as the node API takes them."""

PARTS_AT_ONCE = 4
NAMES = ("events", "waf-events", "config")


@dataclass(slots=True)
class Outbox:
    """The batches of one node below its home. Methods raise OSError."""

    folder: Path
    now: Callable[[], datetime]
    waf_log: Path | None = None
    lost: int = 0
    """Batches of events that were given up since the last one that says so."""
    _order: list[int] = field(default_factory=list)
    _tried: set[int] = field(default_factory=set)
    _marks: dict[str, Any] = field(default_factory=dict)
    _strange: bool = False
    _unread: str = ""

    def prepare(self) -> None:
        """Make the folder and look what an earlier agent left."""
        self.folder.mkdir(exist_ok=True, mode=0o700)
        for unfinished in self.folder.glob("*.new"):
            unfinished.unlink()
        names = (path.name.partition("-")[0] for path in self.folder.glob("*-*.json"))
        self._order = sorted(int(name) for name in names if name.isdigit())
        self._tried = set(self._order)
        try:
            self._marks = dict(json.loads((self.folder / "marks.json").read_bytes()))
        except (OSError, ValueError, TypeError):
            # Without it the log is read again, and the control plane is told once more what runs.
            self._marks = {}
        for number in list(self._order):
            document = self._read(number)
            if document is None:
                self._remove(number)
            else:
                self._marks |= document["marks"]

    def note(self, kind: str, severity: str, message: str, details: Mapping[str, str]) -> None:
        """An event: it joins the last batch that was not sent yet, or begins one."""
        event = {
            "kind": kind,
            "severity": severity,
            "message": message[:500],
            "at": iso(self.now()),
            "details": {name: value[:255] for name, value in list(details.items())[:16]},
        }
        last = self._order[-1] if self._order and self._order[-1] not in self._tried else None
        document = self._read(last) if last is not None else None
        if last is not None and document is not None and document["kind"] == "events":
            events = document["body"]["events"]
            if len(events) < MOST_EVENTS:
                events.append(event)
                self._write(last, document)
                return
        if len(self._order) >= MOST_BATCHES:
            self._give_up_one()
        self._add("events", {"events": [event]}, {})

    def gather(self, config: Mapping[str, Any] | None) -> None:
        """Take in what is new in the WAF agent's log, and what runs, if that is something else than was told."""
        if config is not None:
            self._take_config(config)
        if self.waf_log is None:
            return
        for _ in range(PARTS_AT_ONCE):
            if len(self._order) >= MOST_BATCHES:
                return
            try:
                part = read_part(self.waf_log, self._cursor(), self.now)
            except OSError as error:
                self._cannot_read(f"{self.waf_log}: {error.strerror or error}")
                return
            self._unread = ""
            if part is None:
                return
            self._take_part(part)

    def next(self) -> Batch | None:
        """The oldest batch."""
        while self._order:
            number = self._order[0]
            document = self._read(number)
            if document is not None:
                self._tried.add(number)
                body = {"batch": document["batch"], **document["body"]}
                return Batch(str(number), document["kind"], json.dumps(body, ensure_ascii=False).encode())
            self._remove(number)
        return None

    def end(self, number: str) -> None:
        """A batch is told, or will never be taken; what it marks stays marked."""
        document = self._read(int(number))
        if document is not None and document["marks"]:
            self._save_marks()
        self._remove(int(number))
        if self.lost:
            lost, self.lost = self.lost, 0
            words = f"{lost} batches of events were given up while they could not be sent"
            self.note("events-lost", "warning", words, {"batches": str(lost)})

    def _take_config(self, config: Mapping[str, Any]) -> None:
        written = json.dumps(config, sort_keys=True)
        if self._marks.get("config") == written:
            return
        for number in list(self._order):
            document = self._read(number)
            if document is None or (document["kind"] == "config" and number not in self._tried):
                self._remove(number)
        self._add("config", {"config": config}, {"config": written})

    def _take_part(self, part: Part) -> None:
        marks = {"waf": asdict(part.cursor)}
        if part.attacks:
            self._add("waf-events", {"events": part.attacks}, marks)
        else:
            self._marks |= marks
            self._save_marks()
        if part.skipped:
            words = f"{part.skipped} bytes of {self.waf_log} were passed over, because the node was too far behind"
            self.note("waf-log-skipped", "warning", words, {"bytes": str(part.skipped)})
        if part.strange and not self._strange:
            # Said once in an agent's life: a log that mixes events with other lines would fill the timeline.
            self._strange = True
            words = f"{self.waf_log} has lines that are no WAF events, which are passed over"
            self.note("waf-log-strange", "warning", words, {"lines": str(part.strange)})

    def _cannot_read(self, words: str) -> None:
        if words != self._unread:
            self._unread = words
            self.note("waf-log-unreadable", "warning", f"the WAF agent's log cannot be read: {words}", {})

    def _cursor(self) -> Cursor | None:
        try:
            return Cursor(**self._marks["waf"])
        except (KeyError, TypeError):
            return None

    def _add(self, kind: str, body: Mapping[str, Any], marks: Mapping[str, Any]) -> None:
        number = self._order[-1] + 1 if self._order else 1
        document = {"kind": kind, "batch": secrets.token_hex(16), "body": body, "marks": marks}
        self._write(number, document)
        self._order.append(number)
        self._marks |= marks

    def _give_up_one(self) -> None:
        for number in self._order:
            document = self._read(number)
            if document is None or document["kind"] == "events":
                self._remove(number)
                self.lost += document is not None
                return
        raise OSError("the outbox is full of what cannot be given up")

    def _path(self, number: int, kind: str) -> Path:
        return self.folder / f"{number:08d}-{kind}.json"

    def _write(self, number: int, document: Mapping[str, Any]) -> None:
        replace_durably(
            self._path(number, document["kind"]), json.dumps(document, ensure_ascii=False).encode()
        )

    def _read(self, number: int) -> dict[str, Any] | None:
        """A batch; None when it is gone or damaged."""
        for kind in NAMES:
            try:
                document = json.loads(self._path(number, kind).read_bytes())
            except FileNotFoundError:
                continue
            except ValueError:
                return None
            whole = isinstance(document, dict) and set(document) == {"kind", "batch", "body", "marks"}
            return document if whole else None
        return None

    def _remove(self, number: int) -> None:
        for kind in NAMES:
            self._path(number, kind).unlink(missing_ok=True)
        self._tried.discard(number)
        self._order.remove(number)

    def _save_marks(self) -> None:
        replace_durably(self.folder / "marks.json", json.dumps(self._marks).encode())
