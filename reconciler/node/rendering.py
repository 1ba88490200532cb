"""What a staged bundle becomes in memory: its configuration and agents' files with every placeholder replaced.

    config/<environment>/sentinel.kdl   what the proxy reads
    agents/<environment>/…              all files of the environment's agents
    secrets/<name>                      the value of each secret that a file names by path
    bundle                              symlink to the staged bundle, which `${bundle:…}` leads through

A rendering is named by what goes into it, so two bundles that differ in nothing here share one, and the paths in a
configuration that goes on running stay right. Nothing here touches a file.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

from reconciler.bundle import canonical
from reconciler.bundle.manifest import (
    MANIFEST,
    Manifest,
    ManifestEnvironment,
    config_path,
    decode_manifest,
    environment_of,
)
from reconciler.errors import Refused
from reconciler.node.placeholders import Placeholder, fill, find
from reconciler.pinned import Pinned


@dataclass(frozen=True, slots=True)
class Plan:
    """`rendering` is its name, empty when there is nothing to replace: then the proxy reads the staged file itself.

    `inputs` are what the proxy's own configuration names (`secret:NAME` → version and digest of the sealed value,
    `bundle:PATH` → digest). `secrets` are those that the environment needs, as the manifest lists them.
    """

    rendering: str
    inputs: Mapping[str, str]
    secrets: Mapping[str, Pinned]


def is_rendered(path: str, environment: str) -> bool:
    """Whether a file of a bundle goes into a rendering."""
    return path == config_path(environment) or path.startswith(f"agents/{environment}/")


def plan(files: Mapping[str, bytes], environment: str) -> Plan:
    """What is needed to render the verified files of a bundle.

    Raises `Refused`: E-NOD-015 when the bundle has nothing for the environment, E-NOD-052 for a placeholder that cannot
    be replaced, E-NOD-053 for one that names nothing.
    """
    manifest, own = _manifest(files, environment)
    templates = {path: content for path, content in files.items() if is_rendered(path, environment)}
    named = {path: find(path, content) for path, content in templates.items()}
    inputs = {path: dict(_input(path, one, manifest, own) for one in found) for path, found in named.items()}
    if not own.secrets and not any(inputs.values()):
        return Plan("", {}, {})
    identity = canonical.encode(
        {
            "environment": environment,
            "files": {path: hashlib.sha256(content).hexdigest() for path, content in templates.items()},
            "inputs": inputs,
        }
    )
    rendering = hashlib.sha256(identity).hexdigest()[:32]
    return Plan(rendering, inputs[config_path(environment)], dict(own.secrets))


def render(
    files: Mapping[str, bytes], environment: str, secrets: Mapping[str, bytes], folder: str
) -> dict[str, bytes]:
    """The files of a rendering that will lie in `folder`. Raises `Refused` as `plan`, and E-NOD-054."""
    manifest, own = _manifest(files, environment)
    rendered: dict[str, bytes] = {}

    def replace(path: str, placeholder: Placeholder) -> str:
        _input(path, placeholder, manifest, own)
        if placeholder.kind == "bundle":
            return f"{folder}/bundle/{placeholder.name}"
        if placeholder.kind == "secret-file":
            rendered[f"secrets/{placeholder.name}"] = secrets[placeholder.name]
            return f"{folder}/secrets/{placeholder.name}"
        try:
            return secrets[placeholder.name].decode()
        except UnicodeDecodeError:
            raise Refused(
                "E-NOD-054", f"the secret '{placeholder.name}' stands in '{path}' and is not text in UTF-8"
            ) from None

    for path, content in files.items():
        if is_rendered(path, environment):
            rendered[path] = fill(path, content, lambda placeholder, path=path: replace(path, placeholder))  # type: ignore[misc]
    return rendered


def _manifest(files: Mapping[str, bytes], environment: str) -> tuple[Manifest, ManifestEnvironment]:
    manifest = decode_manifest(files[MANIFEST])
    return manifest, environment_of(manifest, environment)


def _input(
    path: str, placeholder: Placeholder, manifest: Manifest, own: ManifestEnvironment
) -> tuple[str, str]:
    """What a placeholder names, and which one of it."""
    name = placeholder.name
    if placeholder.kind == "bundle":
        if name not in manifest.files:
            raise Refused("E-NOD-053", f"'{path}' names the file '{name}', which the bundle does not hold")
        return f"bundle:{name}", manifest.files[name].sha256
    if name not in own.secrets:
        raise Refused("E-NOD-053", f"'{path}' names the secret '{name}', which the manifest does not list")
    return f"secret:{name}", f"{own.secrets[name].version} {own.secrets[name].sha256}"
