"""`system`. Source: the proxy's `config/src/kdl/server.rs`."""

from __future__ import annotations

from reconciler.compile.native.grammar.rows import INEFFECTIVE, INERT, text, truth, whole
from reconciler.compile.native.shape import Block, Words

_DAEMON_ONLY = "the proxy uses it only when it is started with -d"

SYSTEM = Block(
    "system",
    (
        whole("worker-threads", "0", note="0 is the number of CPUs"),
        whole("max-connections", "10000", effect=INERT),
        whole(
            "graceful-shutdown-timeout-secs",
            "30",
            effect=INEFFECTIVE,
            note="on SIGTERM the proxy exits at once",
        ),
        truth("daemon", "#false", effect=INERT, note="only the flag -d makes the proxy a daemon"),
        text("pid-file", effect=INEFFECTIVE, note=_DAEMON_ONLY),
        text("user", effect=INEFFECTIVE, note=_DAEMON_ONLY),
        text("group", effect=INEFFECTIVE, note=_DAEMON_ONLY),
        text("working-directory"),
        text(
            "trace-id-format",
            "tinyflake",
            words=Words(("uuid", "uuid4", "uuidv4", "tinyflake"), fold=True, falls_to="tinyflake"),
        ),
        truth("auto-reload", "#false"),
        whole("route-cache-size", "1000"),
    ),
)
