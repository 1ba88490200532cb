"""What flags, environment and configuration file say together, checked and put into the agent's options."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from reconciler.errors import Stalled
from reconciler.labels import read_labels
from reconciler.node.assembly import Options
from reconciler.node.way import Way
from reconciler.node.weights import read_address

_PASSWORD = re.compile(r"://[^/?#]*@")


def read_options(values: dict[str, Any], *, plane: bool = True) -> Options:
    """The options of an agent; `plane`: whether it needs a control plane. Raises `Stalled` that names what is wrong."""
    url = values["control_plane"] or ""
    if (plane or url) and not _is_url(url):
        raise Stalled(
            "E-NOD-006",
            f"'{without_password(url)}' is not a URL of the node API"
            if url
            else "nobody said where the control plane is",
            cure="Set SENTINEL_CONTROL_PLANE or --control-plane to http://… or https://…",
        )
    return Options(
        control_plane=url,
        home=values["home"],
        project=values["project"] or "",
        name=values["name"],
        labels=read_labels(values["labels"].split(",")),
        proxy_binary=values["proxy_binary"],
        admin_port=values["admin_port"],
        wait=values["wait"],
        join_token=_token(values["join_token_file"]),
        run_folder=values["run_folder"],
        secrets_on_disk=values["secrets_on_disk"],
        way=read_way(values),
        waf_log=values["waf_log"],
        mirrors=tuple(_mirror(mirror) for mirror in values["mirrors"]),
        agent_check=read_address(values["agent_check"]) if values["agent_check"] else None,
        ready=read_address(values["ready"]) if values["ready"] else None,
        weight_hook=values["weight_hook"],
    )


def read_way(values: dict[str, Any]) -> Way:
    """The way to the control plane. Raises `Stalled`."""
    # A URL with a password is taken from the environment or a private file, never from a flag.
    proxy = values["http_proxy"]
    if proxy and not _is_url(proxy):
        raise Stalled(
            "E-NOD-006",
            "SENTINEL_NODE_HTTP_PROXY, or 'http-proxy' in the file, is not the URL of a proxy",
            cure="Write it like http://user:password@proxy.example:3128",
        )
    return Way(values["ca_file"], values["client_certificate"], values["client_key"], proxy)


def without_password(text: str) -> str:
    """A URL, or what was meant to be one, for everybody to read."""
    return _PASSWORD.sub("://***@", text)


def _is_url(text: str) -> bool:
    """Whether it is the URL of a machine. Brackets that nothing closes are an error of their own."""
    try:
        parts = urlsplit(text)
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and bool(parts.hostname)


def _mirror(url: str) -> str:
    if not _is_url(url):
        raise Stalled(
            "E-NOD-006",
            f"'{without_password(url)}' is not the URL of a mirror",
            cure="Write --mirror https://… for each mirror",
        )
    return url


def _token(path: Path | None) -> str | None:
    # The token itself is taken from the environment only: a flag would show it to everybody who can list processes.
    if path is None:
        return os.environ.get("SENTINEL_JOIN_TOKEN") or None
    try:
        return path.read_text().strip() or None
    except OSError as error:
        raise Stalled(
            "E-NOD-008",
            f"the join token file {path} cannot be read: {error.strerror}",
            cure="Correct the path",
        ) from None
