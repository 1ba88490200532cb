"""`manifest.json`: every file of a bundle with its size and digest, and what each environment has in it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any, NamedTuple

from reconciler.bundle import canonical
from reconciler.bundle.archive import Files
from reconciler.bundle.fields import HEX64, SLUG, Fields
from reconciler.errors import Refused
from reconciler.pinned import Pinned

MANIFEST = "manifest.json"
SBOM = "sbom.cdx.json"
MAX_ENVIRONMENTS = 1000
MAX_SECRETS = 1000
MAX_VERSION = 1_000_000
VERSION = re.compile(r"[0-9]{1,5}\.[0-9]{1,5}\.[0-9]{1,5}")
LARGE = 4096
"""A file of more bytes is worth a comparison that may spare its digest."""


class ManifestFile(NamedTuple):
    """One file: `size` in bytes, `sha256` in hex."""

    size: int
    sha256: str


@dataclass(frozen=True, slots=True)
class ManifestEnvironment:
    """`config_id` names the proxy configuration, `restart_key` what the proxy reads only at its start.

    `secrets` maps the name of each secret that the environment's files need to the sealed value that is meant. Two
    bundles with one `config_id` and the same secrets are one configuration to a node. A proxy older than
    `proxy_version`, such as `0.6.20`, does not run it, nor does an agent older than `agent_version`; empty allows any.
    """

    config_id: str
    restart_key: str
    secrets: Mapping[str, Pinned] = field(default_factory=dict)
    proxy_version: str = ""
    agent_version: str = ""


@dataclass(frozen=True, slots=True)
class Manifest:
    """The table of contents of a bundle, itself excepted."""

    compiler: str
    environments: Mapping[str, ManifestEnvironment]
    files: Mapping[str, ManifestFile]


def config_path(environment: str) -> str:
    """Where a bundle keeps the proxy configuration of an environment."""
    return f"config/{environment}/sentinel.kdl"


def describe(content: bytes | memoryview) -> ManifestFile:
    """Size and digest of a file's content."""
    return ManifestFile(len(content), sha256(content).hexdigest())


def encode_manifest(manifest: Manifest) -> bytes:
    """The file's bytes: canonical JSON."""
    return canonical.encode(
        {
            "type": "manifest",
            "compiler": manifest.compiler,
            "environments": {name: environment_json(e) for name, e in manifest.environments.items()},
            "files": {path: {"size": f.size, "sha256": f.sha256} for path, f in manifest.files.items()},
        }
    )


def environment_json(environment: ManifestEnvironment) -> dict[str, Any]:
    """An environment as it stands in a manifest."""
    found = {
        "config-id": environment.config_id,
        "restart-key": environment.restart_key,
        "proxy-version": environment.proxy_version,
        "secrets": {name: pinned.to_json() for name, pinned in environment.secrets.items()},
    }
    if environment.agent_version:
        # A bundle that any agent may run can be read by one that knows nothing of such a line.
        found["agent-version"] = environment.agent_version
    return found


def decode_manifest(data: bytes) -> Manifest:
    """Read a manifest strictly. Raises `Refused` (E-VER-013, E-VER-014)."""
    what = "the manifest"
    top = Fields(canonical.decode(data, what), ("type", "compiler", "environments", "files"), what)
    top.constant("type", "manifest")
    environments: dict[str, ManifestEnvironment] = {}
    for name, value in top.mapping("environments").items():
        limited = isinstance(value, dict) and "agent-version" in value
        fields = Fields(
            value,
            (
                "config-id",
                "restart-key",
                "proxy-version",
                "secrets",
                *(("agent-version",) if limited else ()),
            ),
            f"the manifest's environment '{name[:64]}'",
        )
        if not SLUG.fullmatch(name) or len(environments) == MAX_ENVIRONMENTS:
            raise Refused("E-VER-014", f"the manifest has an environment '{name[:64]}' too many or misnamed")
        environments[name] = ManifestEnvironment(
            fields.text("config-id", longest=64),
            fields.text("restart-key", longest=128),
            _secrets(fields),
            fields.text("proxy-version", longest=32),
            fields.text("agent-version", VERSION) if limited else "",
        )
    files = {}
    for path, value in top.mapping("files").items():
        fields = Fields(value, ("size", "sha256"), f"the manifest's file '{path[:64]}'")
        files[path] = ManifestFile(fields.number("size"), fields.text("sha256", HEX64))
    return Manifest(top.text("compiler", longest=200), environments, files)


def _secrets(fields: Fields) -> dict[str, Pinned]:
    needed = fields.mapping("secrets")
    if len(needed) > MAX_SECRETS:
        raise Refused("E-VER-014", f"{fields.what} needs more than {MAX_SECRETS} secrets")
    secrets = {}
    for name, value in needed.items():
        if not SLUG.fullmatch(name):
            raise Refused("E-VER-014", f"{fields.what} needs a secret '{name[:64]}' that cannot be one")
        pinned = Fields(value, ("version", "sha256"), f"{fields.what}, secret '{name}'")
        secrets[name] = Pinned(pinned.number("version", 1, MAX_VERSION), pinned.text("sha256", HEX64))
    return secrets


def environment_of(manifest: Manifest, name: str) -> ManifestEnvironment:
    """What a bundle has for an environment. Raises `Refused` (E-NOD-015) when it has nothing: no node may run it."""
    found = manifest.environments.get(name)
    if found is None:
        raise Refused("E-NOD-015", f"the bundle has no configuration for the environment '{name}'")
    return found


def check_files(files: Files) -> Manifest:
    """The manifest among a bundle's files, when it lists every other file, nothing else, and all digests match.

    The list of files has to be, byte for byte, the one that we would write; why it is not is found out after. Raises
    `Refused` (E-BND-006) that names the file, or as `decode_manifest`.
    """
    data = files.get(MANIFEST)
    if data is None:
        raise Refused("E-BND-006", f"the bundle has no {MANIFEST}")
    described = _described(files)
    # Names that a tar may hold stand in JSON as they are, and are sorted already.
    listing = ",".join(f'"{path}":{{"sha256":"{f.sha256}","size":{f.size}}}' for path, f in described.items())
    # Keys are sorted, so the files are the last but one: what is before them is read as if there were none.
    end = f'"files":{{{listing}}},"type":"manifest"}}'.encode()
    if not data.endswith(end):
        raise _difference(decode_manifest(data), described)
    rest = decode_manifest(data[: -len(end)] + b'"files":{},"type":"manifest"}')
    for name in sorted(rest.environments):
        if config_path(name) not in files:
            raise Refused(
                "E-BND-006", f"the manifest names the environment '{name}', whose configuration is missing"
            )
    return Manifest(rest.compiler, rest.environments, described)


def _described(files: Files) -> dict[str, ManifestFile]:
    """Every file but the manifest."""
    found: dict[str, ManifestFile] = {}
    last: dict[int, str] = {}
    for path, content in files.views():
        if path == MANIFEST:
            continue
        size = len(content)
        if size > LARGE:
            # Environments often share bytes: what equals the last file of its size is not hashed again.
            twin = last.get(size)
            last[size] = path
            if twin is not None and files.alike(twin, path):
                found[path] = found[twin]
                continue
        found[path] = describe(content)
    return found


def _difference(manifest: Manifest, present: Mapping[str, ManifestFile]) -> Refused:
    """Why a manifest does not list just the files that are present."""
    listed = manifest.files
    for path in sorted(present.keys() - listed.keys()):
        return Refused("E-BND-006", f"the bundle holds '{path}', which its manifest does not list")
    for path in sorted(listed.keys() - present.keys()):
        return Refused("E-BND-006", f"the manifest lists '{path[:120]}', which the bundle does not hold")
    path = next((p for p in sorted(present) if listed[p] != present[p]), MANIFEST)
    return Refused("E-BND-006", f"'{path}' is not the file that the manifest describes")
