"""Stands in for the proxy binary: the same commands, exit codes, signals and `config` builtin, as a real process.

Set SENTINEL_TEST_PROXY_BINARY to run the contract against a real binary instead.
"""

from __future__ import annotations

import json
import signal
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from reconciler.simulator.scan import Node, Unreadable, scan

METRICS = """# HELP zentinel_requests_total Total requests
# TYPE zentinel_requests_total counter
zentinel_requests_total{method="GET",route="app",status="200"} 97
zentinel_requests_total{method="GET",route="app",status="503"} 3
# TYPE zentinel_request_duration_seconds histogram
zentinel_request_duration_seconds_bucket{method="GET",route="app",le="0.01"} 60
zentinel_request_duration_seconds_bucket{method="GET",route="app",le="0.25"} 98
zentinel_request_duration_seconds_bucket{method="GET",route="app",le="+Inf"} 100
zentinel_request_duration_seconds_sum{method="GET",route="app"} 9.5
zentinel_request_duration_seconds_count{method="GET",route="app"} 100
"""
"""What it has counted whenever it is asked."""

DEAD = "192.0.2."
"""The real proxy says for ever that it is healthy; this one does not when it is told to ask a network where nothing
answers, so that it is seen what agents make of that."""

VERSION = "zentinel 0.6.20"
DEFAULT = "// the default configuration that the proxy writes\n"


def read(path: Path) -> Node:
    document = scan(path.read_text())
    if not any(True for _ in document.all("system")):
        raise Unreadable("Configuration error: missing required block 'system'")
    return document


def fail(error: Exception) -> int:
    print(f"Error: Failed to load configuration\n\nCaused by:\n    {error}", file=sys.stderr)
    return 1


def main(arguments: list[str]) -> int:
    if arguments[:1] == ["test"] and arguments[1:2] == ["-c"]:
        try:
            read(Path(arguments[2]))
        except (OSError, Unreadable) as error:
            return fail(error)
        print(f"zentinel: configuration file {arguments[2]} test is successful")
        return 0
    if arguments == ["--version"]:
        print(VERSION)
        return 0
    if arguments[:1] != ["-c"] or len(arguments) != 2:
        print("error: unexpected argument", file=sys.stderr)
        return 2
    path = Path(arguments[1])
    if not path.exists():
        path.write_text(DEFAULT)
    try:
        live = {"document": read(path)}
    except (OSError, Unreadable) as error:
        return fail(error)
    address = next(
        a.arguments[0]
        for listener in live["document"].all("listeners", "listener")
        for a in listener.all("address")
        if a.arguments[0].startswith("127.0.0.1:")
    )

    def reload(*_: Any) -> None:
        try:
            live["document"] = read(path)
            print("Configuration reload completed successfully", flush=True)
        except (OSError, Unreadable) as error:
            print(f"Configuration reload failed: {error}", flush=True)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            filters = [f.arguments[0] for f in live["document"].all("filters", "filter")]
            code, said = 404, {}
            if self.path == "/config":
                code, said = 200, {"filters": filters, "listeners": [], "routes": []}
            elif self.path == "/health":
                targets = [target.arguments[0] for target in live["document"].walk("target")]
                ails = any(target.startswith(DEAD) for target in targets)
                code, said = (503, {"status": "unhealthy"}) if ails else (200, {"status": "healthy"})
            body = json.dumps(said).encode()
            self.send_response(code)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args: Any) -> None:
            """Silence."""

    class Metrics(Handler):
        def do_GET(self) -> None:
            body = METRICS.encode()
            self.send_response(200 if self.path == "/metrics" else 404)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    port = int(address.rpartition(":")[2])
    metrics = ThreadingHTTPServer(("127.0.0.1", port + 1), Metrics)
    threading.Thread(target=metrics.serve_forever, daemon=True).start()
    server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
    signal.signal(signal.SIGHUP, reload)
    signal.signal(signal.SIGTERM, lambda *_: threading.Thread(target=server.shutdown).start())
    server.serve_forever(poll_interval=0.02)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
