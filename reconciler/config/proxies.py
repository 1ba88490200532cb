"""Which versions of the proxy the compiler writes for. The grammar it uses holds for all of them."""

from __future__ import annotations

PROXY_VERSIONS = ("0.6.17", "0.6.18", "0.6.19", "0.6.20")
"""Versions of the proxy's crate, as `zentinel --version` prints them. Older ones lack what the compiler relies on:
listeners bound to a namespace, and the retry policy's present form."""

NEWEST = PROXY_VERSIONS[-1]
