"""What a bundle holds for one environment, as the compiler gave it."""

from __future__ import annotations

import re
from collections.abc import Mapping

from reconciler.bundle.manifest import Manifest, config_path
from reconciler.compile.compiler import CompiledEnvironment
from reconciler.compile.in_use import CertificateInUse

NAMED = re.compile(rb'"\$\{bundle:([A-Za-z0-9_@+./-]+)\}"')
"""A placeholder that a node replaces by the path of a file of the bundle."""


def environment_in(
    manifest: Manifest,
    files: Mapping[str, bytes],
    name: str,
    certificates: tuple[CertificateInUse, ...] = (),
) -> CompiledEnvironment | None:
    """The environment's configuration and every file that it uses: its agents' own, and those that any of these name.

    None when the bundle has nothing for it. What is told of `certificates` is kept outside bundles, so it is given.
    """
    described = manifest.environments.get(name)
    config = files.get(config_path(name))
    if described is None or config is None:
        return None
    used: dict[str, bytes] = {
        path: content for path, content in files.items() if path.startswith(f"agents/{name}/")
    }
    waiting = [config, *used.values()]
    while waiting:
        for found in NAMED.findall(waiting.pop()):
            path = found.decode()
            if path in files and path not in used:
                used[path] = files[path]
                waiting.append(files[path])
    return CompiledEnvironment(
        name,
        config,
        described.config_id,
        described.restart_key,
        used,
        described.secrets,
        certificates,
        proxy_version=described.proxy_version,
        agent_version=described.agent_version,
    )
