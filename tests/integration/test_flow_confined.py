"""The confined child: what it may use, and what becomes of one that gives no answer."""

from __future__ import annotations

import json
import os
import resource
import signal
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from reconciler.config.rules.step import Former
from reconciler.config.source import SourceFile
from reconciler.errors import Transient
from reconciler.flows import confined
from reconciler.flows.compile_cache import CompileCache
from reconciler.flows.compiling import Ahead, build_confined, compile_confined, compile_files
from reconciler.flows.confined import Broken, Child, Confinement, Hearing, run_confined
from tests.benchmarks.corpus import corpus

MIB = 1024 * 1024
NOW = datetime(2026, 11, 24, tzinfo=UTC)


@pytest.fixture
def children(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The process ids of what was forked."""
    real = os.fork
    made: list[int] = []

    def fork() -> int:
        child = real()
        made.append(child)
        return child

    monkeypatch.setattr(os, "fork", fork)
    return made


def assert_gone(children: list[int]) -> None:
    """It is killed at once; until the system has taken everything back a moment passes, for which nobody waits."""
    deadline = time.monotonic() + 10
    for child in children:
        while is_there(child):
            assert time.monotonic() < deadline, f"the child {child} is still there"
            time.sleep(0.005)


def is_there(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return True


def test_the_child_answers_bytes() -> None:
    assert run_confined(lambda: b"x" * 3 * MIB) == b"x" * 3 * MIB
    assert run_confined(lambda: b"") == b""


def look_around() -> bytes:
    opened = []
    for number in range(3, resource.getrlimit(resource.RLIMIT_NOFILE)[0]):
        try:
            os.fstat(number)
            opened.append(number)
        except OSError:
            continue
    return json.dumps(
        {
            "environ": dict(os.environ),
            "open": len(opened),
            "core": resource.getrlimit(resource.RLIMIT_CORE),
            "alarm": signal.getsignal(signal.SIGALRM) is signal.SIG_DFL,
        }
    ).encode()


def test_the_child_has_no_environment_and_no_files(tmp_path: Path) -> None:
    with (tmp_path / "secret").open("w"):
        found = json.loads(run_confined(look_around))
    assert found == {"environ": {}, "open": 1, "core": [0, 0], "alarm": True}


def test_the_child_cannot_write_files(tmp_path: Path) -> None:
    def write() -> bytes:
        (tmp_path / "out").write_bytes(b"x")
        return b""

    with pytest.raises(Broken) as caught:
        run_confined(write)
    assert caught.value.cause == "crash"
    assert not (tmp_path / "out").exists() or (tmp_path / "out").read_bytes() == b""


def spin() -> bytes:
    while True:
        pass


def sleep() -> bytes:
    time.sleep(60)
    return b""


def raises() -> bytes:
    raise ValueError("a secret from the input")


def deep() -> bytes:
    os.kill(os.getpid(), signal.SIGSEGV)
    return b""


def killed() -> bytes:
    os.kill(os.getpid(), signal.SIGKILL)
    time.sleep(5)
    return b""


def leaves() -> bytes:
    os._exit(3)


@pytest.mark.parametrize(
    ("function", "limits", "cause"),
    [
        pytest.param(spin, Confinement(cpu_seconds=1), "cpu", id="it spins"),
        pytest.param(sleep, Confinement(wall_seconds=0.3), "time", id="it sleeps"),
        pytest.param(lambda: bytes(512 * MIB), Confinement(memory=64 * MIB), "memory", id="it grows"),
        pytest.param(lambda: bytes(2 * MIB), Confinement(answer=MIB), "answer", id="it tells too much"),
        pytest.param(raises, Confinement(), "crash", id="it raises"),
        pytest.param(deep, Confinement(), "crash", id="it crashes"),
        pytest.param(leaves, Confinement(), "crash", id="it leaves"),
        pytest.param(killed, Confinement(), "killed", id="it is killed"),
    ],
)
def test_a_child_that_gives_no_answer(
    children: list[int], function: Callable[[], bytes], limits: Confinement, cause: str
) -> None:
    with pytest.raises(Broken) as caught:
        run_confined(function, limits)
    assert caught.value.cause == cause
    assert "secret" not in caught.value.words
    assert_gone(children)


def test_a_child_does_not_outlive_its_parent() -> None:
    def tells_and_waits() -> Iterator[bytes]:
        yield str(os.getpid()).encode()
        time.sleep(60)

    def has_one() -> Iterator[bytes]:
        with Child(tells_and_waits) as inner:
            yield bytes(inner.answer())
            inner.answer()

    with Child(has_one) as child:
        inner = int(child.answer())
        assert is_there(inner)
    assert_gone([inner])


def test_an_exception_in_the_waiting_parent_ends_the_child(
    children: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*args: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(confined, "_read", broken)
    with pytest.raises(KeyboardInterrupt):
        run_confined(sleep)
    assert_gone(children)


@pytest.mark.parametrize(
    ("cause", "code"),
    [("memory", "E-TRK-002"), ("cpu", "E-TRK-002"), ("answer", "E-TRK-002"), ("crash", "E-TRK-003")],
)
def test_a_configuration_that_breaks_the_compiler_is_a_finding(
    monkeypatch: pytest.MonkeyPatch, cause: Any, code: str
) -> None:
    def broken(*args: object) -> bytes:
        raise Broken(cause, "words")

    monkeypatch.setattr(Child, "answer", broken)
    compilation, findings = compile_confined([], now=NOW)
    assert compilation is None
    assert [(finding.code, finding.is_error) for finding in findings] == [(code, True)]


@pytest.mark.parametrize("cause", ["time", "killed"])
def test_a_compiler_ended_from_outside_runs_again(monkeypatch: pytest.MonkeyPatch, cause: Any) -> None:
    def broken(*args: object) -> bytes:
        raise Broken(cause, "words")

    monkeypatch.setattr(Child, "answer", broken)
    with pytest.raises(Transient) as caught:
        compile_confined([], now=NOW)
    assert caught.value.code == "E-TRK-004"


NONE = [b"", b"[]", b"{}", b'{"findings": [{}], "compilation": null}', b"\xff", b"\0" * 7 + b"\x02{}"]


@pytest.mark.parametrize("number", [0, 1])
@pytest.mark.parametrize("answer", NONE, ids=ascii)
def test_an_answer_that_is_none_is_a_finding(
    monkeypatch: pytest.MonkeyPatch, answer: bytes, number: int
) -> None:
    given = [b"".join(parts) for parts in compile_files([], NOW)]
    given[number] = answer
    monkeypatch.setattr(Child, "answer", lambda child: bytearray(given.pop(0)))
    compilation, findings = compile_confined([], now=NOW)
    assert (compilation, findings[0].code) == (None, "E-TRK-003")


def test_a_child_answers_several_times_and_works_while_its_parent_does(children: list[int]) -> None:
    def counting() -> Iterator[bytes | tuple[bytes, ...]]:
        yield b"a" * 3 * MIB
        yield (b"b", b"", b"c")
        yield b""

    with Child(counting) as child:
        found = [child.answer() for _ in range(3)]
        with pytest.raises(Broken) as caught:
            child.answer()
    assert found == [b"a" * 3 * MIB, b"bc", b""]
    assert caught.value.cause == "crash"
    assert_gone(children)


def test_a_child_that_fails_later_has_answered_before(children: list[int]) -> None:
    def failing() -> Iterator[bytes]:
        yield b"first"
        raise ValueError("secret")

    with Child(failing) as child:
        assert child.answer() == b"first"
        with pytest.raises(Broken) as caught:
            child.answer()
    assert caught.value.words.startswith("ValueError in ")
    assert_gone(children)


def test_a_child_that_nobody_listens_to_is_gone_at_the_end_of_the_block(children: list[int]) -> None:
    def endless() -> Iterator[bytes]:
        while True:
            yield b"x" * MIB

    with Child(endless) as child:
        assert len(child.answer()) == MIB
    assert_gone(children)
    with pytest.raises(RuntimeError):
        child.answer()


def test_each_answer_may_be_as_long_as_the_limit_and_no_longer(children: list[int]) -> None:
    with Child(lambda: iter([b"x" * 10, b"x" * 10, b"x" * 11]), Confinement(answer=10)) as child:
        assert (len(child.answer()), len(child.answer())) == (10, 10)
        with pytest.raises(Broken) as caught:
            child.answer()
    assert caught.value.cause == "answer"
    assert_gone(children)


def listener() -> tuple[Callable[[], Iterator[bytes]], Hearing]:
    """A child that answers what it hears."""
    hearing = Hearing()

    def echo() -> Iterator[bytes]:
        yield bytes(hearing.hear())

    return echo, hearing


def test_a_child_hears_what_its_parent_tells(children: list[int]) -> None:
    echo, hearing = listener()
    with Child(echo, hearing=hearing) as child:
        child.tell((b"a" * 3 * MIB, b"", b"b"))
        assert child.answer() == b"a" * 3 * MIB + b"b"
        with pytest.raises(RuntimeError):
            child.tell((b"more",))
    assert_gone(children)


def test_a_child_that_is_told_nothing_is_gone_at_the_end_of_the_block(children: list[int]) -> None:
    echo, hearing = listener()
    with Child(echo, hearing=hearing):
        pass
    assert_gone(children)


def test_what_is_told_to_a_child_that_is_gone_is_lost(children: list[int]) -> None:
    with Child(lambda: iter(()), hearing=Hearing()) as child:
        child.tell((b"x" * 3 * MIB,))
        with pytest.raises(Broken) as caught:
            child.answer()
    assert caught.value.cause == "crash"
    assert_gone(children)


def test_a_child_that_does_not_listen_is_not_waited_for(children: list[int]) -> None:
    def deaf() -> Iterator[bytes]:
        time.sleep(60)
        yield b""

    with Child(deaf, Confinement(wall_seconds=0.2), Hearing()) as child, pytest.raises(Broken) as caught:
        child.tell((b"x" * 3 * MIB,))
    assert caught.value.cause == "time"
    assert_gone(children)


def test_a_child_with_a_hearing_has_no_other_file(tmp_path: Path) -> None:
    hearing = Hearing()

    def looking() -> Iterator[bytes]:
        yield look_around()

    with (tmp_path / "secret").open("w"), Child(looking, hearing=hearing) as child:
        assert json.loads(child.answer())["open"] == 2


def fleet(response: bytes = b"15s") -> tuple[SourceFile, ...]:
    changed = {"services/team-0001.kdl": corpus(30)["services/team-0001.kdl"].replace(b"15s", response, 1)}
    return tuple(SourceFile(path, content) for path, content in {**corpus(30), **changed}.items())


@pytest.fixture
def cache(tmp_path: Path) -> CompileCache:
    """A cache that has been filled."""
    made = CompileCache(tmp_path, "acme", "shop", 64 * MIB)
    build_confined(fleet(), now=NOW, former=None, cache=made)
    made.write()
    return made


def test_a_child_that_is_ahead_makes_what_another_makes(children: list[int], cache: CompileCache) -> None:
    former = Former("the last valid commit", fleet(), ((("Allow-Deletions", "3"),),))
    ahead = Ahead(fleet(), cache, NOW)
    forked = len(children)
    found = build_confined(fleet(b"16s"), now=NOW, former=former, cache=cache, ahead=ahead)
    assert len(children) == forked
    assert found[1] is not None
    assert found == build_confined(
        fleet(b"16s"), now=NOW, former=former, cache=CompileCache(Path("/none"), "a", "b", 0)
    )


def test_a_child_that_began_with_another_commit_is_not_used(children: list[int], cache: CompileCache) -> None:
    ahead = Ahead(fleet(b"19s"), cache, NOW)
    former = Former("the last valid commit", fleet())
    forked = len(children)
    found = build_confined(fleet(b"16s"), now=NOW, former=former, cache=cache, ahead=ahead)
    assert len(children) == forked + 1
    assert found == build_confined(fleet(b"16s"), now=NOW, former=former, cache=cache)
    assert_gone(children)


def test_a_hostile_number_does_not_hold_the_worker() -> None:
    files = [SourceFile("a.kdl", b"n " + b"9" * 900_000)]
    started = time.monotonic()
    compilation, findings = compile_confined(files, now=NOW)
    assert compilation is None
    assert findings
    assert time.monotonic() - started < 30
