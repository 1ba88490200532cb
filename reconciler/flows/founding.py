"""Makes what a new installation starts from: signing and sealing keys, a webhook secret, a server configuration."""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from pathlib import Path

from reconciler.config.installation import read_installation
from reconciler.config.kdl import KdlNode
from reconciler.config.write import write_document
from reconciler.errors import Stalled
from reconciler.keys.uri import create_key, create_sealing_key, load_sealing_key

ROLES = ("bundle", "pointer", "commit", "root")


def write_keys(folder: Path) -> None:
    """Make the signing keys and the webhook secret that are missing in `folder`, each readable by its owner alone."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    for role in ROLES:
        path = folder / f"{role}.key"
        if not path.exists():
            create_key(path)
    secret = folder / "webhook.secret"
    if not secret.exists():
        write_private(secret, secrets.token_hex(32) + "\n")


def write_sealing_keys(folder: Path, project: str, environments: Iterable[str]) -> dict[str, bytes]:
    """Make the sealing keys that are missing in `folder`, one for each environment; their public keys."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    found = {}
    for environment in environments:
        path = folder / sealing_key_file(project, environment)
        if path.exists():
            key = load_sealing_key(f"file:{path.name}", folder=folder, environ={})
            found[environment] = bytes(key.public_key)
        else:
            found[environment] = create_sealing_key(path)
    return found


def sealing_key_file(project: str, environment: str) -> str:
    """What the file of an environment's sealing key is called when it is made with the installation."""
    return f"{project}-{environment}.sealing"


def write_private(path: Path, text: str) -> None:
    """Write `text` into a new file that only its owner can read, from its first byte on."""
    path.touch(mode=0o600, exist_ok=False)
    path.write_text(text)


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
            KdlNode("keys", (), children=tuple(leaf(role, f"file:keys/{role}.key") for role in ROLES)),
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
                            (environment, f"file:keys/{sealing_key_file(project, environment)}"),
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
