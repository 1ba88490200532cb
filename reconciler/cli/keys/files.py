"""The file of a root: reading and writing it, and saying in plain words what it does and who has still to sign."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from reconciler.bundle.dsse import add_signature, keyid, read_envelope
from reconciler.bundle.fields import instant
from reconciler.bundle.limits import LIMITS
from reconciler.bundle.root import ROLES, Root, read_first_root
from reconciler.bundle.succession import differences, read_proposal, signing
from reconciler.errors import Refused, Stalled
from reconciler.keys.uri import load_key


def read_file(path: Path) -> bytes:
    """The bytes of a root's file. Raises `Stalled` E-KEY-010."""
    try:
        with path.open("rb") as file:
            return file.read(LIMITS.root + 1).strip()
    except OSError as error:
        raise Stalled(
            "E-KEY-010", f"{path} cannot be read: {error.strerror}", cure="Correct the path"
        ) from None


def write_file(path: Path, envelope: bytes) -> None:
    """Write a root's file over what was there, at once. It holds nothing secret."""
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    try:
        beside.write_bytes(envelope + b"\n")
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)


def keep_file(path: Path, envelope: bytes) -> bytes:
    """Write a new proposal and return it; one of the same content that is there already stays, with its signatures.

    Only the expiry may differ: it counts from the moment of proposing. Raises `Stalled` E-KEY-019 for another one.
    """
    with contextlib.suppress(FileNotFoundError):
        if path.stat():
            found, wanted = (read_proposal(data, None) for data in (read_file(path), envelope))
            if replace(found, expires=wanted.expires) == wanted:
                return read_file(path)
            raise Stalled(
                "E-KEY-019",
                f"{path} is another proposal of root {found.version}",
                cure="Remove it if nobody needs it, or write yours elsewhere with --out",
            )
    write_file(path, envelope)
    return envelope


def find_previous(path: Path, new: Root, previous: Path | None) -> Root | None:
    """The root before the one in the file at `path`: from `previous`, else from the file beside it. None for root 1.

    Raises `Stalled` E-KEY-017 when it is not to be had, or another one.
    """
    if new.version == 1:
        return None
    wanted = previous if previous is not None else path.with_name(f"root-{new.version - 1}.json")
    try:
        found = read_first_root(read_file(wanted), new.organization)
    except (Refused, Stalled) as error:
        words = str(error)
    else:
        if found.version == new.version - 1:
            return found
        words = f"it holds root {found.version}"
    raise Stalled(
        "E-KEY-017",
        f"what root {new.version} changes is only seen beside root {new.version - 1}, and {wanted} does not give it: "
        f"{words}",
        cure="Name your own copy of it with --previous; `sentinelctl keys rotate` writes it beside the proposal",
    )


def add_signatures(
    envelope: bytes, old: Root | None, new: Root, keys: Sequence[str], *, folder: Path | None = None
) -> bytes:
    """The envelope, signed by the private keys at these URIs, relative to `folder` or to where we are.

    Raises `Stalled` E-KEY-015 for a key with no say.
    """
    may = {*new.roles["root"].keyids, *(old.roles["root"].keyids if old is not None else ())}
    for uri in keys:
        key = load_key(uri, folder=folder or Path.cwd(), environ=os.environ)
        name = keyid(bytes(key.verify_key))
        if name not in may:
            raise Stalled(
                "E-KEY-015",
                f"the key {name[:16]} at {uri} is no root key of root {new.version}, nor of the one before",
                cure="Sign with a key that the list above names for 'root'",
            )
        envelope = add_signature(envelope, key, limit=LIMITS.root)
    return envelope


def describe(envelope: bytes, old: Root | None, new: Root) -> dict[str, Any]:
    """Everything about a root's file, for `--json` and for `tell`."""
    state = signing(read_envelope(envelope, "the root", limit=LIMITS.root), old, new)
    return {
        "organization": new.organization,
        "version": new.version,
        "epoch": new.epoch,
        "expires": instant(new.expires),
        "changes": list(differences(old, new)),
        "roles": roles_of(new),
        "revoked": list(new.revoked),
        "signatures": [
            {
                "root": found.root,
                "threshold": found.threshold,
                "signed": list(found.signed),
                "open": list(found.open),
                "missing": found.missing,
            }
            for found in state
        ],
        "complete": not any(found.missing for found in state),
    }


def roles_of(root: Root) -> dict[str, Any]:
    """Each role with its threshold and its keys."""
    return {
        name: {
            "threshold": root.roles[name].threshold,
            "keys": [{"id": held, "public": root.keys[held].hex()} for held in root.roles[name].keyids],
        }
        for name in ROLES
    }


def tell(found: Mapping[str, Any]) -> None:
    """Print what `describe` gave, for people."""
    click.echo(f"Root {found['version']} of '{found['organization']}' changes:")
    for sentence in found["changes"]:
        click.echo(f"  {sentence}")
    click.echo("Then:")
    tell_roles(found["roles"])
    tell_signatures(found)


def tell_roles(roles: Mapping[str, Any]) -> None:
    """Print who may sign what."""
    for name, role in roles.items():
        click.echo(f"  {name:<8} {role['threshold']} of {len(role['keys'])}")
        for key in role["keys"]:
            click.echo(f"           {key['id']}")


def tell_signatures(found: Mapping[str, Any]) -> None:
    """Print who signed and who has still to."""
    for state in found["signatures"]:
        count = f"{len(state['signed'])} of the {state['threshold']}"
        line = f"Signed by {count} root keys of root {state['root']} that have to"
        if state["missing"]:
            line += f"; still open: {', '.join(name[:16] for name in state['open'])}"
        click.echo(line)


def echo_json(document: Mapping[str, Any]) -> None:
    """Print one JSON document."""
    click.echo(json.dumps(document, indent=2))
