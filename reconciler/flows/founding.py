"""Makes what a new installation starts from: signing and sealing keys, a webhook secret, a server configuration."""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from datetime import datetime, timedelta
from pathlib import Path

from reconciler.bundle.root import sign_root
from reconciler.bundle.succession import first_root
from reconciler.config.installation import read_installation
from reconciler.config.kdl import KdlNode
from reconciler.config.write import write_document
from reconciler.errors import Stalled
from reconciler.keys.uri import create_key, create_private, create_sealing_key, load_key, load_sealing_key

SEAL_FILE = "keys/release/audit.secret"
"""Beside the keys of the workers that seal the audit log."""

ROOT_LIFE = timedelta(days=365)

KEYS = {
    "bundle": "keys/compile/bundle.key",
    "pointer": "keys/release/pointer.key",
    "commit": "keys/release/commit.key",
    "root": "keys/root/root.key",
}
"""Where the first keys of an installation lie: a folder for each that holds keys, so that each can be given its own."""


def write_keys(folder: Path) -> None:
    """Make the signing keys and the secrets that are missing below `folder`, the one of control-plane.kdl."""
    make_missing([f"file:{path}" for path in KEYS.values()], folder)
    for name in ("keys/webhook.secret", SEAL_FILE):
        if not (folder / name).exists():
            write_private(folder / name, secrets.token_hex(32) + "\n")


def make_missing(uris: Iterable[str], folder: Path) -> None:
    """Make a signing key at each `file:` URI where there is none, readable by its owner alone."""
    for uri in uris:
        scheme, _, rest = uri.partition(":")
        path = folder / rest
        if scheme == "file" and not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            create_key(path)


def found_root(organization: str, folder: Path, now: datetime) -> bytes:
    """Root 1 with the keys that `write_keys` made, signed by its root key: a root of one person on one machine."""
    keys = {role: load_key(f"file:{path}", folder=folder, environ={}) for role, path in KEYS.items()}
    publics = {role: [bytes(key.verify_key)] for role, key in keys.items()}
    root = first_root(organization, publics, expires=now.replace(microsecond=0) + ROOT_LIFE)
    return sign_root(root, [keys["root"]])


def write_sealing_keys(folder: Path, project: str, environments: Iterable[str]) -> dict[str, bytes]:
    """Make the sealing keys that are missing below `folder`, one for each environment; their public keys."""
    found = {}
    for environment in environments:
        name = sealing_key_file(project, environment)
        path = folder / name
        if path.exists():
            key = load_sealing_key(f"file:{name}", folder=folder, environ={})
            found[environment] = bytes(key.public_key)
        else:
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            found[environment] = create_sealing_key(path)
    return found


def sealing_key_file(project: str, environment: str) -> str:
    """Where an environment's sealing key lies when it is made with the installation, from control-plane.kdl."""
    return f"keys/release/{project}-{environment}.sealing"


def write_private(path: Path, text: str) -> None:
    """Write `text` into a new file that only its owner can read, whole or not at all."""
    create_private(path, text.encode())


def configuration(
    organization: str,
    project: str,
    repository: str,
    trunk: str,
    connection: str,
    environments: Iterable[str] = (),
) -> bytes:
    """A server configuration of one organization and project with key URIs below `keys/`, one of them for each of the
    environments.

    Raises `Stalled` that names the finding when a value is not acceptable.
    """

    def leaf(name: str, value: str) -> KdlNode:
        return KdlNode(name, (value,))

    document = KdlNode(
        "organization",
        (organization,),
        children=(
            leaf("name", organization.capitalize()),
            KdlNode(
                "keys",
                (),
                children=(
                    *(leaf(role, f"file:{path}") for role, path in KEYS.items()),
                    leaf("audit", f"file:{SEAL_FILE}"),
                ),
            ),
            KdlNode(
                "connection",
                (connection,),
                children=(leaf("forge", "github"), leaf("secret", "file:keys/webhook.secret")),
            ),
            KdlNode(
                "project",
                (project,),
                children=(
                    leaf("name", project.capitalize()),
                    leaf("repository", repository),
                    leaf("trunk", trunk),
                    leaf("connection", connection),
                    *(
                        KdlNode(
                            "sealing-key",
                            (environment, f"file:{sealing_key_file(project, environment)}"),
                        )
                        for environment in environments
                    ),
                ),
            ),
        ),
    )
    content = write_document([document]).encode()
    installation, findings = read_installation(content, "control-plane.kdl")
    if installation is None:
        raise Stalled(
            "E-INS-100", "; ".join(finding.message for finding in findings), cure="Correct the option"
        )
    return content
