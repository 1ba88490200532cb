"""What `rotate` and `revoke` share: from the newest root to a proposal in a file, signed and published as asked."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import click

from reconciler import clock
from reconciler.bundle.dsse import add_signature
from reconciler.bundle.limits import LIMITS
from reconciler.bundle.root import Root, read_first_root, unsigned_root
from reconciler.bundle.succession import Change, check_successor, next_root, read_proposal
from reconciler.cli.keys.files import (
    add_signatures,
    describe,
    echo_json,
    keep_file,
    read_file,
    tell,
    tell_signatures,
    write_file,
)
from reconciler.cli.keys.installed import Installed, open_installed
from reconciler.cli.keys.options import expiry
from reconciler.cli.keys.publish import publish, say
from reconciler.errors import Refused, Stalled
from reconciler.store import layout


@dataclass(frozen=True, slots=True)
class Asked:
    """The values of the options that `options.proposing` adds."""

    organization: str | None
    raise_epoch: bool
    days: int
    base: Path | None
    out: Path | None
    keys: tuple[str, ...]
    publish: bool
    yes: bool
    as_json: bool


def propose(asked: Asked, change_of: Callable[[Root, Change], Change]) -> None:
    """Write the next root, say what it changes, and sign and publish it as far as was asked for.

    `change_of` adds to a change that only moves the expiry. Raises `Stalled`.
    """
    installed = open_installed(asked.organization) if asked.publish or asked.base is None else None
    old, previous = _newest(asked.base, installed)
    plain = Change(expiry(asked.days), {}, {}, epoch=int(asked.raise_epoch))
    new = next_root(old, change_of(old, plain))
    check_successor(old, new, now=clock.now())
    out = asked.out if asked.out is not None else Path(f"root-{new.version}.json")
    envelope = keep_file(out, unsigned_root(new))
    # Whoever signs compares with the root before, so it travels along.
    beside = out.with_name(f"root-{old.version}.json")
    if not beside.exists():
        write_file(beside, previous)
    new = read_proposal(envelope, old.organization)
    if not asked.as_json:
        tell(describe(envelope, old, new))
    if asked.keys or asked.publish:
        if not asked.yes:
            click.confirm(f"Sign root {new.version} of '{new.organization}'?", abort=True, err=asked.as_json)
        envelope = add_signatures(envelope, old, new, asked.keys)
        envelope = _sign_with_configured(envelope, old, new, installed) if asked.publish else envelope
        write_file(out, envelope)
    found = describe(envelope, old, new)
    published = False
    if asked.publish and installed is not None and found["complete"]:
        _, published = publish(installed, envelope)
    if asked.as_json:
        echo_json({"file": str(out), "published": published, **found})
    elif published:
        say(new, True)
    else:
        tell_signatures(found)
        click.echo(_next(out, beside, found["complete"]))


def _newest(base: Path | None, installed: Installed | None) -> tuple[Root, bytes]:
    if base is not None:
        envelope = read_file(base)
        try:
            return read_first_root(envelope, _organization(envelope)), envelope
        except Refused as refusal:
            raise Stalled(
                "E-KEY-010", f"{base} is not a root: {refusal}", cure="Name a root-N.json"
            ) from None
    if installed is None:
        raise RuntimeError("without a file there is an installation")
    root = installed.chain().newest
    key = layout.root(root.organization, root.version)
    return root, installed.store().get(key, limit=LIMITS.root)


def _organization(envelope: bytes) -> str:
    return read_proposal(envelope, None).organization


def _sign_with_configured(envelope: bytes, old: Root, new: Root, installed: Installed | None) -> bytes:
    may = {*old.roles["root"].keyids, *new.roles["root"].keyids}
    for held in installed.held("root") if installed is not None else ():
        if held.key is not None and held.keyid in may:
            envelope = add_signature(envelope, held.key, limit=LIMITS.root)
    return envelope


def _next(out: Path, beside: Path, complete: bool) -> str:
    if complete:
        return f"Next: sentinelctl keys publish {out}"
    return f"Next: send {out} and {beside} to those who sign: sentinelctl keys sign-root {out} --key URI"
