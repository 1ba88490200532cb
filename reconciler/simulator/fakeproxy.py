"""A proxy that is made up: it reads the same file, reloads by the same rules, and serves nothing.

As the real one, it keeps its old configuration when the new one is bad, applies routes, upstreams and filters at a
reload but listeners, `system` and the files that are named only at a start, and answers 502 where it cannot connect:
here, for every route whose targets lie in 192.0.2.0/24 (TEST-NET-1, RFC 5737), where nothing ever answers. What it
counts is made up in `load`.
"""

from __future__ import annotations

import hashlib
import secrets
import stat
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from reconciler.fleet.signals import Signals
from reconciler.node.metrics import Reader
from reconciler.node.proxy import MARKER, RunningReport, TestResult
from reconciler.simulator.load import Fate, Load, fate_of
from reconciler.simulator.scan import Node, Unreadable, scan
from reconciler.simulator.temperament import TEMPERAMENTS, Temperament

VERSION = "fake/1.0.0"
FILE_SETTINGS = ("cert-file", "key-file", "ca-file")
"""As in the real proxy, its own test does not look at these files. Without one the real proxy starts and leaves the
listener out; this one does not start, so that a test cannot miss it."""


@dataclass(frozen=True, slots=True)
class Loaded:
    """A configuration as the proxy understood it."""

    config_id: str | None
    listeners: tuple[str, ...]
    routes: Mapping[str, Fate]
    named: tuple[tuple[str, str], ...] = ()
    """What the configuration names: (`key-file`, path) and so on."""

    @property
    def dead_routes(self) -> tuple[str, ...]:
        """The routes none of whose requests can be passed on."""
        return tuple(sorted(route for route, fate in self.routes.items() if fate.dead))


@dataclass(frozen=True, slots=True)
class ReadFile:
    """A file that the proxy read at its start: its mode then, and the SHA-256 of what was in it."""

    mode: int
    sha256: str


@dataclass(slots=True)
class FakeProxy:
    """One fake proxy that serves the file behind `link`. `monotonic` gives seconds that only rise. `weight` is what the
    balancer in front goes by: with 50 it gets half of the requests of its temperament."""

    link: Path
    temperament: Temperament = field(default_factory=lambda: TEMPERAMENTS["steady"])
    monotonic: Callable[[], float] = time.monotonic
    weight: Callable[[], int] = lambda: 100
    log: list[str] = field(default_factory=list)
    files: dict[str, ReadFile] = field(default_factory=dict)
    """What it read at its last start, by the name of the setting, such as `key-file`."""
    starts: int = 0
    _load: Load = field(init=False)
    _reader: Reader = field(default_factory=Reader)
    _born: str = field(default_factory=lambda: secrets.token_hex(4))
    _counted_at: float = field(init=False)
    _asked: int = 0
    _live: Loaded | None = None
    _coming: tuple[float, Loaded] | None = None

    def __post_init__(self) -> None:
        own = self.temperament
        self._load = Load(own.requests_per_second, own.failing_permille, own.latency_ms)
        self._counted_at = self.monotonic()

    def test(self, path: Path) -> TestResult:
        """What `BINARY test -c FILE` would say."""
        if self.temperament.refuses_test:
            return TestResult(
                False, "Error: this proxy refuses every configuration (its temperament is 'refuses')"
            )
        try:
            load(path)
        except (OSError, UnicodeDecodeError, Unreadable) as error:
            return TestResult(False, f"Error: {error}")
        return TestResult(True, f"zentinel: configuration file {path} test is successful")

    def reload(self) -> TestResult:
        """SIGHUP: a bad configuration leaves the old one serving, and only the log says so."""
        self._arrive()
        if self._live is None:
            return self.restart()
        if self.temperament.ignores_reload or self.temperament.lies:
            return TestResult(True)
        try:
            loaded = load(self.link)
        except (OSError, UnicodeDecodeError, Unreadable) as error:
            self._note(f"Configuration reload failed: {error}")
            return TestResult(True)
        # Listeners are read at the start alone; a reload that changes them keeps the old ones.
        loaded = replace(loaded, listeners=self._live.listeners)
        self._serve()
        if self.temperament.reload_seconds:
            self._coming = (self.monotonic() + self.temperament.reload_seconds, loaded)
        else:
            self._live = loaded
        self._note("Configuration reload completed successfully")
        return TestResult(True)

    def restart(self) -> TestResult:
        """Stop and start. Without a file the real proxy writes and serves one of its own: so does this one."""
        self._serve()
        self._live, self._coming = None, None
        self._load.restart()
        if not self.link.exists():
            self.link.write_text("// the proxy's own default\n")
        try:
            loaded = load(self.link)
        except (OSError, UnicodeDecodeError, Unreadable) as error:
            self._note(f"Error: {error}")
            return TestResult(True)
        try:
            self.files = {setting: _read(Path(path)) for setting, path in loaded.named}
        except OSError as error:
            self._note(f"Error: {error.filename}: {error.strerror}")
            return TestResult(True)
        if not self.temperament.dies_on_start:
            self._live = loaded
            self.starts += 1
        return TestResult(True)

    def running(self) -> RunningReport:
        """What the `config` builtin lists, and how the routes fare."""
        self._arrive()
        self._asked += 1
        if self.temperament.lies:
            return self._pretend()
        if self._live is None:
            return RunningReport(None, False, "the proxy does not run", VERSION)
        if self._live.config_id is None:
            return RunningReport(None, False, "the proxy serves a configuration without our marker", VERSION)
        if self._live.dead_routes:
            names = ", ".join(self._live.dead_routes[:5]) + (" …" if len(self._live.dead_routes) > 5 else "")
            return RunningReport(self._live.config_id, False, f"502 from routes {names}", VERSION)
        if self.temperament.flaps and self._asked // self.temperament.flaps % 2:
            return RunningReport(self._live.config_id, False, "its health turns over", VERSION)
        return RunningReport(self._live.config_id, True, "", VERSION)

    def _pretend(self) -> RunningReport:
        """What a proxy would say that had read its file."""
        try:
            return RunningReport(load(self.link).config_id, True, "", VERSION)
        except (OSError, UnicodeDecodeError, Unreadable):
            return RunningReport(None, False, "the proxy does not run", VERSION)

    def signals(self) -> Signals | None:
        """What it counted, told and read in the form of the real proxy's metrics."""
        self._arrive()
        self._serve()
        if self._live is None:
            return None
        counted = self._reader.read(self._load.text(), f"{self._born}-{self.starts}")
        own = self.temperament
        return replace(counted, cpu_permille=own.cpu_permille, memory_permille=own.memory_permille)

    @property
    def listeners(self) -> tuple[str, ...]:
        """The addresses it listens on, as they stood in the file at its last start."""
        return self._live.listeners if self._live is not None else ()

    def die(self) -> None:
        """End without being told to, as a crash would."""
        self._serve()
        self._live, self._coming = None, None

    def _arrive(self) -> None:
        if self._coming is not None and self.monotonic() >= self._coming[0]:
            self._serve()
            self._live, self._coming = self._coming[1], None

    def _serve(self) -> None:
        """Let the requests of the time that passed happen."""
        now = self.monotonic()
        if self._live is not None:
            self._load.serve(self._live.routes, (now - self._counted_at) * self.weight() / 100)
        self._counted_at = now

    def _note(self, line: str) -> None:
        self.log.append(line)
        del self.log[:-20]


def load(path: Path) -> Loaded:
    """Read a configuration as the proxy does. Raises OSError, UnicodeDecodeError and `Unreadable`."""
    document = scan(path.read_text("utf-8"))
    if not any(True for _ in document.all("system")):
        raise Unreadable("Configuration error: missing required block 'system'")
    listeners = tuple(
        str(address.arguments[0])
        for address in document.all("listeners", "listener", "address")
        if address.arguments
    )
    if not listeners:
        raise Unreadable("Configuration error: at least one listener is required")
    _check_references(document)
    markers = [
        node.arguments[0][len(MARKER) :]
        for node in document.walk("filter")
        if node.arguments and node.arguments[0].startswith(MARKER)
    ]
    return Loaded(
        config_id=markers[0] if len(markers) == 1 else None,
        listeners=listeners,
        routes=_routes(document),
        named=tuple(
            (setting, node.arguments[0])
            for setting in FILE_SETTINGS
            for node in document.walk(setting)
            if node.arguments
        ),
    )


def _read(path: Path) -> ReadFile:
    return ReadFile(stat.S_IMODE(path.stat().st_mode), hashlib.sha256(path.read_bytes()).hexdigest())


def _check_references(document: Node) -> None:
    known = {node.arguments[0] for node in document.walk("upstream") if node.arguments and node.children}
    for route in document.walk("route"):
        for reference in route.all("upstream"):
            if reference.arguments and not reference.children and reference.arguments[0] not in known:
                raise Unreadable(
                    f"Configuration error: Route '{route.arguments[0] if route.arguments else '?'}' references "
                    f"upstream '{reference.arguments[0]}' which doesn't exist"
                )


def _routes(document: Node) -> Mapping[str, Fate]:
    """The routes that lead to an upstream, and how their requests fare."""
    targets: dict[str, list[str]] = {}
    for upstream in document.walk("upstream"):
        if upstream.arguments:
            found = [target.arguments[0] for target in upstream.walk("target") if target.arguments]
            targets.setdefault(upstream.arguments[0], []).extend(found)
    fates = {}
    for route in document.walk("route"):
        named = [upstream.arguments[0] for upstream in route.all("upstream") if upstream.arguments]
        if route.arguments and named:
            fates[route.arguments[0]] = fate_of(target for name in named for target in targets.get(name, ()))
    return fates
