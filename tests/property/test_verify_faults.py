"""Every exception in the verifier is a refusal: one is raised in each call that it makes, in turn, and none passes."""

from __future__ import annotations

import gc
import hashlib
import hmac
import inspect
import sys
from collections.abc import Callable
from dataclasses import replace
from types import FrameType
from typing import Any

import nacl.bindings
import pytest
import zstandard

from reconciler.bundle.examine import Offered, examine
from reconciler.bundle.logged import Seen
from reconciler.bundle.root import sign_root
from reconciler.bundle.verify import Verifier, first_state
from reconciler.errors import Refused
from tests.unit.bundle.offers import AUDIENCE, NOW, Offer, key, offer, root
from tests.unit.bundle.paper_log import PaperLog

GUARDS = frozenset({"guarded", "first_state"})
"""Below these the verifier has to answer for everything. Above them stands whoever drives it."""


class Material:
    """Everything that a node is offered, with a root to walk and a log that grew."""

    def __init__(self) -> None:
        self.made: Offer = offer()
        log = PaperLog()
        log.grow(3)
        seen = self.made.pointer_bytes(log)
        log.grow(4)
        self.pointer = self.made.pointer_bytes(log, sequence=8)
        self.tiles = dict(log.tiles)
        self.roots = tuple(sign_root(root(version=number), [key("root")]) for number in (1, 2))
        self.statement = self.made.statement_bytes()
        verifier = Verifier(self.made.state, AUDIENCE)
        accepted = verifier.accept_pointer(seen, now=NOW)
        self.seen = Seen(1, accepted.log.checkpoint)

    def walk(self) -> None:
        state = replace(first_state(self.roots[0], "acme"), log=self.seen)
        verifier = Verifier(state, AUDIENCE)
        verifier.accept_root(self.roots[1], now=NOW)
        verifier.accept_pointer(self.pointer, now=NOW)
        assert verifier.log_tiles
        verifier.accept_log(self.tiles)
        verifier.accept_blob(self.made.blob)
        verifier.accept_statement(self.statement)

    def audit(self) -> None:
        verifier = Verifier(first_state(self.roots[0], "acme"), AUDIENCE)
        verifier.accept_stated(self.statement)
        verifier.accept_blob(self.made.blob)


class Fault(Exception):
    """What nobody foresaw."""


class Injector:
    """Counts the calls of Python functions below a guard, and raises in the one of that number."""

    def __init__(self, at: int, error: Exception) -> None:
        self.at, self.error = at, error
        self.count = 0
        self.where = ""
        self._generators: set[FrameType] = set()

    def trace(self, frame: FrameType, event: str, argument: Any) -> None:
        if event != "call" or frame in self._generators or not _below_a_guard(frame.f_back):
            return
        if frame.f_code.co_flags & inspect.CO_GENERATOR:
            # It is entered again for each value, and once more when nobody wants any: what is raised then goes nowhere.
            self._generators.add(frame)
        self.count += 1
        if self.count == self.at:
            self.where = f"{frame.f_code.co_filename}:{frame.f_lineno} {frame.f_code.co_name}"
            raise self.error

    def run(self, work: Callable[[], None]) -> None:
        before = sys.gettrace()
        # A collection calls back whoever asked for it, such as hypothesis, in the middle of anything.
        gc.disable()
        sys.settrace(self.trace)
        try:
            work()
        finally:
            sys.settrace(before)
            gc.enable()


def _below_a_guard(frame: FrameType | None) -> bool:
    while frame is not None:
        if frame.f_code.co_name in GUARDS:
            return True
        if frame.f_code.co_name in ("walk", "audit"):
            return False
        frame = frame.f_back
    return False


@pytest.mark.parametrize("error", [Fault("?"), ValueError("?"), KeyError("?"), TypeError("?")], ids=repr)
@pytest.mark.parametrize("way", ["walk", "audit"])
def test_an_exception_in_any_call_is_a_refusal(way: str, error: Exception) -> None:
    work: Callable[[], None] = getattr(Material(), way)
    counting = Injector(0, error)
    counting.run(work)
    assert counting.count > 100
    for number in range(1, counting.count + 1):
        injector = Injector(number, error)
        try:
            injector.run(work)
        except Refused:
            continue
        except Exception as other:  # noqa: BLE001 - whatever it is, it is not a refusal
            pytest.fail(f"{other!r} came out of a fault in {injector.where}")
        pytest.fail(f"it was accepted in spite of a fault in {injector.where}")


def _faulty(*arguments: object, **options: object) -> None:
    raise Fault


@pytest.mark.parametrize(
    ("module", "name"),
    [
        (hashlib, "sha256"),
        (hmac, "compare_digest"),
        (nacl.bindings, "crypto_sign_open"),
        (zstandard, "get_frame_parameters"),
        (zstandard, "frame_header_size"),
        (zstandard, "ZstdDecompressor"),
    ],
    ids=lambda value: value if isinstance(value, str) else value.__name__,
)
def test_a_library_that_fails_is_a_refusal(monkeypatch: pytest.MonkeyPatch, module: Any, name: str) -> None:
    material = Material()
    material.walk()
    monkeypatch.setattr(module, name, _faulty)
    with pytest.raises(Refused):
        material.walk()


def test_an_examination_with_a_fault_is_never_good() -> None:
    material = Material()
    offered = Offered(material.roots, material.made.blob, material.statement, material.pointer, AUDIENCE)
    found: list[bool] = []

    def walk() -> None:
        found.append(examine(offered, now=NOW).good)

    # What `examine` does around the verifier is guarded by itself, all of it below `run`.
    counting = Injector(0, Fault())
    counting.run(walk)
    assert found == [True]
    for number in range(1, counting.count + 1):
        Injector(number, Fault()).run(walk)
    assert found.count(True) == 1
