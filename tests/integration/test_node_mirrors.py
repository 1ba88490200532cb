"""Real agents while the control plane is away: a plain web server in front of `public/` of the object store."""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable, Iterator
from datetime import timedelta
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from reconciler import clock
from reconciler.db import session
from reconciler.node.files import NodeFiles
from reconciler.simulator.building import Group
from reconciler.store import layout
from tests.integration.fleet_stage import Stage, all_run
from tests.integration.test_node_fleet import GOOD, NEXT
from tests.unit.node.publishing import Built, build, flip, point


class Mirror:
    """A web server that knows nothing but files. `spoil` changes what it sends of a path."""

    def __init__(self, folder: Path) -> None:
        self.asked: list[str] = []
        self.credentials: list[str] = []
        self.spoil: Callable[[str, bytes], bytes] = lambda path, body: body
        mirror = self

        class Handler(SimpleHTTPRequestHandler):
            def do_GET(self) -> None:
                mirror.asked.append(self.path)
                mirror.credentials.append(self.headers.get("Authorization", ""))
                path = Path(self.translate_path(self.path))
                if not path.is_file():
                    self.send_error(404)
                    return
                body = mirror.spoil(self.path, path.read_bytes())
                self.send_response(200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *arguments: object) -> None:
                """Say nothing."""

        handler = functools.partial(Handler, directory=str(folder))
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever)
        self._thread.start()

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


@pytest.fixture
def stage(tmp_path: Path, free_port: int) -> Iterator[Stage]:
    stage = Stage(tmp_path, free_port)
    yield stage
    stage.stop_fleet()
    stage.api.stop()
    session.disconnect()


@pytest.fixture
def mirrors(stage: Stage) -> Iterator[tuple[Mirror, Mirror]]:
    pair = Mirror(stage.settings.files), Mirror(stage.settings.files)
    yield pair
    for mirror in pair:
        mirror.stop()


def publish(stage: Stage, built: Built, sequence: int, *, later: int = 0) -> None:
    """A pointer in the object store, dated `later` seconds from now; the control plane need not be there."""
    store = stage.release.store
    store.put(layout.bundle("acme", "shop", built.digest), built.blob)
    store.put(layout.statement("acme", "shop", built.digest), built.statement)
    now = clock.now().replace(microsecond=0) + timedelta(seconds=later)
    envelope = point(built, sequence=sequence, now=now, log=stage.release.log)
    stage.release.publish_log()
    store.replace(layout.pointer("acme", "shop", "production", "base"), envelope)


def running(stage: Stage, digest: str, seconds: float = 30.0) -> None:
    """Wait until every node's own files say that it activated the bundle."""
    folders = sorted(stage.nodes.iterdir())
    wait = threading.Event()
    for _ in range(int(seconds * 10)):
        states = [NodeFiles(folder).state() for folder in folders]
        if all(state is not None and state.active and state.active.digest == digest for state in states):
            return
        wait.wait(0.1)
    raise AssertionError("\n".join(stage.log[-20:]))


def refusals(stage: Stage) -> set[str]:
    states = [NodeFiles(folder).state() for folder in sorted(stage.nodes.iterdir())]
    return {state.refusal.code for state in states if state is not None and state.refusal is not None}


def start(stage: Stage, *mirrors: Mirror) -> None:
    stage.release.pointer(GOOD, sequence=1)
    urls = tuple(mirror.url for mirror in mirrors)
    stage.start((Group("production", 3),), token=stage.release.token(), mirrors=urls)
    stage.until(lambda nodes: len(nodes) == 3 and all_run(GOOD.digest)(nodes))


def test_nodes_follow_a_mirror_while_the_control_plane_is_away(
    stage: Stage, mirrors: tuple[Mirror, Mirror]
) -> None:
    start(stage, mirrors[0])
    assert mirrors[0].asked == []
    stage.api.stop()
    publish(stage, NEXT, 2, later=2)
    running(stage, NEXT.digest)
    assert set(mirrors[0].credentials) == {""}
    assert all(path.startswith("/public/acme/") for path in mirrors[0].asked)


def test_a_mirror_that_lies_is_refused_and_the_next_one_asked(
    stage: Stage, mirrors: tuple[Mirror, Mirror]
) -> None:
    mirrors[0].spoil = lambda path, body: flip(body, 40) if "/pointers/" in path else body
    start(stage, *mirrors)
    stage.api.stop()
    publish(stage, NEXT, 2, later=2)
    running(stage, NEXT.digest)


def test_a_blob_that_one_mirror_has_wrongly_is_fetched_from_another(
    stage: Stage, mirrors: tuple[Mirror, Mirror]
) -> None:
    mirrors[0].spoil = lambda path, body: flip(body, 40) if "/bundles/" in path else body
    start(stage, *mirrors)
    stage.api.stop()
    publish(stage, NEXT, 2, later=2)
    running(stage, NEXT.digest)
    assert any("/bundles/" in path for path in mirrors[1].asked)


def test_an_old_pointer_on_a_mirror_changes_nothing_and_is_no_refusal(
    stage: Stage, mirrors: tuple[Mirror, Mirror]
) -> None:
    start(stage, mirrors[0])
    stage.api.stop()
    publish(stage, build("127.0.0.1:5000"), 9, later=-3600)
    deadline = threading.Event()
    while len(mirrors[0].asked) < 6:
        deadline.wait(0.1)
    running(stage, GOOD.digest, 1)
    assert refusals(stage) == set()


def test_what_nobody_signed_is_refused_with_its_code(stage: Stage, mirrors: tuple[Mirror, Mirror]) -> None:
    start(stage, mirrors[0])
    stage.api.stop()
    mirrors[0].spoil = lambda path, body: flip(body, 40) if "/statements/" in path else body
    publish(stage, NEXT, 2, later=2)
    wait = threading.Event()
    while "E-VER-012" not in refusals(stage):
        wait.wait(0.1)
    running(stage, GOOD.digest, 1)
