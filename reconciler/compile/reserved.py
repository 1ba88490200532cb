"""What the control plane adds to every configuration for itself. Names beginning with 'sentinel' are never users'."""

from __future__ import annotations

from reconciler.config.kdl import KdlNode

NAMESPACE = "sentinel-control"
LISTENER = "sentinel-control"
MARKER_PREFIX = "sentinel-config-"
LOOPBACK = "127.0.0.1"
ENDPOINTS = (("health", "/health"), ("config", "/config"), ("metrics", "/metrics"))
"""Built-in handlers of the proxy and the paths on which the node agent asks for them."""


def admin_listener(port: int) -> KdlNode:
    """The loopback listener bound to the reserved namespace. The proxy needs a concrete address to bind them."""
    return KdlNode(
        "listener",
        (LISTENER,),
        children=(
            KdlNode("address", (f"{LOOPBACK}:{port}",)),
            KdlNode("protocol", ("http",)),
            KdlNode("namespace", (NAMESPACE,)),
        ),
    )


def admin_namespace() -> KdlNode:
    """The reserved namespace with its routes to built-in handlers."""
    routes = tuple(
        KdlNode(
            "route",
            (f"{NAMESPACE}-{handler}",),
            children=(
                KdlNode("matches", children=(KdlNode("path", (path,)),)),
                KdlNode("builtin-handler", (handler,)),
            ),
        )
        for handler, path in ENDPOINTS
    )
    return KdlNode("namespace", (NAMESPACE,), children=(KdlNode("routes", children=routes),))


def observability(port: int, native: KdlNode | None = None) -> KdlNode:
    """Metrics on a loopback address of their own; without it the proxy serves them on 0.0.0.0:9090.

    `native` is a block with what else is wanted.
    """
    return KdlNode(
        "observability",
        children=(
            *(native.children if native else ()),
            KdlNode(
                "metrics",
                children=(
                    KdlNode("enabled", (True,)),
                    KdlNode("address", (f"{LOOPBACK}:{port}",)),
                    KdlNode("path", ("/metrics",)),
                ),
            ),
        ),
    )


def marker(config_id: str) -> KdlNode:
    """A filter that no route uses. The `config` handler lists it, which proves what is running after a reload."""
    return KdlNode("filter", (f"{MARKER_PREFIX}{config_id}",), children=(KdlNode("type", ("log",)),))


def system() -> KdlNode:
    """Process settings. Reloads are deliberate: the node agent signals, the proxy watches no files."""
    return KdlNode(
        "system",
        children=(
            KdlNode("worker-threads", (0,)),
            KdlNode("auto-reload", (False,)),
        ),
    )
