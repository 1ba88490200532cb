"""The proxy as a process of this machine: `BINARY -c <symlink>`, `BINARY test -c FILE`, SIGHUP, its admin listener.

The process outlives the agent: an agent that stops or is updated leaves the proxy serving, and finds it again by a
file with its process id and start time. Nothing starts the proxy while the symlink is missing: it would write and
serve a default configuration of its own.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import threading
import time
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import IO, Any

import urllib3

from reconciler.fleet.signals import Signals
from reconciler.node.bounded import run_bounded, surroundings
from reconciler.node.durable import replace_durably
from reconciler.node.metrics import Reader, Unreadable
from reconciler.node.proxy import MARKER, RunningReport, TestResult
from reconciler.node.resources import Resources

TEST_SECONDS = 30.0
"""The proxy's check opens no connection; one that takes longer hangs."""

VERSION_SECONDS = 5.0
STOP_SECONDS = 10.0
READ_BACK_SECONDS = 3.0
READ_BACK_LIMIT = 8 * 1024 * 1024
WORDS_LIMIT = 1_500

METRICS_PATH = "/metrics"
METRICS_LIMIT = 16 * 1024 * 1024

CONFIG_PATH = "/config"
"""Where the compiled configuration puts the `config` builtin on its admin listener."""

HEALTH_PATH = "/health"
"""Where it puts the `health` builtin, which answers `{"status": "healthy"}`. A configuration without it
says nothing."""

HEALTH_LIMIT = 64 * 1024


@dataclass(slots=True)
class ProcessProxy:
    """A proxy started from `binary`, serving the file behind `link`, with its admin listener on `admin_port`."""

    binary: str
    link: Path
    admin_port: int
    log: Path
    _http: urllib3.PoolManager = field(
        default_factory=lambda: urllib3.PoolManager(
            retries=False, timeout=urllib3.Timeout(total=READ_BACK_SECONDS), maxsize=1
        )
    )
    _reader: Reader = field(default_factory=Reader)
    _resources: Resources = field(default_factory=Resources)
    _known_version: tuple[tuple[int, ...], str] = ((), "")
    _child: subprocess.Popen[bytes] | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def test(self, path: Path) -> TestResult:
        """Run the binary's own check. Only the exit code counts; its words are passed on."""
        try:
            done = run_bounded(
                [self.binary, "test", "-c", str(path)], seconds=TEST_SECONDS, limit=WORDS_LIMIT
            )
        except OSError as error:
            return TestResult(
                False, f"the proxy binary {self.binary} cannot be run: {error.strerror or error}"
            )
        words = done.errors or done.output
        if done.code is None:
            said = f"; it said: {words}" if words else ""
            return TestResult(False, f"the proxy's test did not end within {TEST_SECONDS:g} s{said}")
        if done.code != 0:
            return TestResult(False, words or f"the proxy's test ended with exit code {done.code}")
        return TestResult(True, words)

    def reload(self) -> TestResult:
        """SIGHUP; starts the proxy when it does not run."""
        with self._lock:
            process_id = self._find()
            if process_id is None:
                return self._start()
            try:
                os.kill(process_id, signal.SIGHUP)
            except OSError as error:
                return TestResult(False, f"the proxy could not be told to reload: {error}")
            return TestResult(True)

    def restart(self) -> TestResult:
        """Stop the proxy if it runs, and start it."""
        with self._lock:
            self._stop()
            return self._start()

    def stop(self) -> None:
        """Stop the proxy: for tests and `--stop-proxy`; the agent itself leaves it serving."""
        with self._lock:
            self._stop()

    def running(self) -> RunningReport:
        """Read the id of the live configuration from the admin listener."""
        return replace(self._asked(), version=self._version())

    def _asked(self) -> RunningReport:
        if self._find() is None:
            return RunningReport(None, False, "the proxy does not run")
        try:
            status, body = self._get(CONFIG_PATH, READ_BACK_LIMIT)
            if status != 200:
                return RunningReport(None, False, f"the proxy's admin listener answered {status}")
            config_id = find_marker(json.loads(body))
        except (urllib3.exceptions.HTTPError, OSError):
            return RunningReport(
                None, False, f"the proxy's admin listener on port {self.admin_port} does not answer"
            )
        except (ValueError, RecursionError):
            return RunningReport(
                None, False, "the proxy's admin listener answered something that is not JSON"
            )
        if config_id is None:
            return RunningReport(None, False, "the proxy serves a configuration without our marker")
        reason = self._ailment()
        return RunningReport(config_id, not reason, reason)

    def _ailment(self) -> str:
        """Why the proxy says that it is unhealthy; empty when it says that it is well, or nothing of it."""
        try:
            status, body = self._get(HEALTH_PATH, HEALTH_LIMIT)
        except (urllib3.exceptions.HTTPError, OSError):
            return f"the proxy does not answer on {HEALTH_PATH} of its admin listener"
        try:
            document = json.loads(body)
        except (ValueError, RecursionError):
            document = None
        told = document if isinstance(document, dict) else {}
        if status < 500 and told.get("status") != "unhealthy":
            return ""
        reason = told.get("reason")
        words = f": {reason}" if isinstance(reason, str) and reason else f", with status {status}"
        return f"the proxy says that it is unhealthy{words}"

    def _get(self, path: str, limit: int) -> tuple[int, bytes]:
        """Status and the first `limit` bytes of what the admin listener answers. Raises as urllib3 does."""
        url = f"http://127.0.0.1:{self.admin_port}{path}"
        reply = self._http.request("GET", url, preload_content=False)
        try:
            return reply.status, reply.read(limit)
        finally:
            reply.release_conn()

    def _version(self) -> str:
        """What the binary says of its version; asked again when it is another file."""
        path = shutil.which(self.binary)
        try:
            status = os.stat(path or self.binary)
            stamp = (status.st_dev, status.st_ino, status.st_mtime_ns, status.st_size)
            if self._known_version[0] != stamp:
                said = run_bounded([self.binary, "--version"], seconds=VERSION_SECONDS, limit=200)
                self._known_version = (stamp, said.output.partition("\n")[0] if said.code == 0 else "")
        except OSError:
            return ""
        return self._known_version[1]

    def signals(self) -> Signals | None:
        """Read its metrics, which the compiled configuration puts on the port behind the admin listener's."""
        process_id = self._find()
        started = _started(process_id) if process_id is not None else None
        if started is None:
            return None
        try:
            with self._http.request(
                "GET", f"http://127.0.0.1:{self.admin_port + 1}{METRICS_PATH}", preload_content=False
            ) as reply:
                body = reply.read(METRICS_LIMIT + 1)
                if reply.status != 200 or len(body) > METRICS_LIMIT:
                    return None
            counted = self._reader.read(body.decode(), f"{process_id}-{started}")
        except (urllib3.exceptions.HTTPError, OSError, UnicodeDecodeError, Unreadable):
            return None
        return replace(
            counted,
            cpu_permille=self._resources.cpu_permille(),
            memory_permille=self._resources.memory_permille(),
        )

    def _start(self) -> TestResult:
        if not self.link.exists():
            return TestResult(
                False, f"{self.link} is missing: the proxy is not started without a configuration"
            )
        try:
            with self._open_log() as log:
                self._child = subprocess.Popen(
                    [self.binary, "-c", str(self.link)], env=surroundings(),
                    stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
                )  # fmt: skip
        except OSError as error:
            return TestResult(
                False, f"the proxy binary {self.binary} cannot be run: {error.strerror or error}"
            )
        started = _started(self._child.pid)
        with contextlib.suppress(OSError):
            replace_durably(self._memory, json.dumps({"pid": self._child.pid, "started": started}).encode())
        return TestResult(True)

    def _open_log(self) -> IO[bytes]:
        """Where the proxy's words go. A disk on which nothing can be written is no reason to leave it down."""
        try:
            return self.log.open("ab")
        except OSError:
            return Path(os.devnull).open("ab")

    def _stop(self) -> None:
        process_id = self._find()
        if process_id is None:
            return
        for number, patience in ((signal.SIGTERM, STOP_SECONDS), (signal.SIGKILL, STOP_SECONDS)):
            with contextlib.suppress(ProcessLookupError):
                os.kill(process_id, number)
            deadline = time.monotonic() + patience
            while time.monotonic() < deadline:
                if self._find() is None:
                    return
                time.sleep(0.02)

    def _find(self) -> int | None:
        """The process id of the proxy if it lives, ours or one that an earlier agent started."""
        if self._child is not None:
            if self._child.poll() is None:
                return self._child.pid
            self._child = None
            return None
        try:
            known = json.loads(self._memory.read_bytes())
            process_id, started = int(known["pid"]), known["started"]
        except (OSError, ValueError, KeyError, TypeError):
            return None
        # The start time tells our proxy from an unrelated process that was given the same number later.
        return process_id if started and _started(process_id) == started else None

    @property
    def _memory(self) -> Path:
        return self.link.parent / "proxy.json"


def find_marker(document: Any) -> str | None:
    """The config-id in an answer of the `config` builtin: the filter ids of the live configuration hold it.

    None when there is no marker, or more than one.
    """
    filters = document.get("filters") if isinstance(document, dict) else None
    names = filters if isinstance(filters, dict) else filters or ()
    found = set()
    for item in names:
        name = item.get("id") if isinstance(item, dict) else item
        if isinstance(name, str) and name.startswith(MARKER):
            found.add(name[len(MARKER) :])
    return found.pop() if len(found) == 1 else None


def _started(process_id: int) -> str | None:
    """When a process started, in clock ticks since boot, as the kernel says it; None when it is gone or a zombie."""
    try:
        words = Path(f"/proc/{process_id}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return None if words[0] in ("Z", "X") else words[19]
