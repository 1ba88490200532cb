"""`sentinelctl keys`: the table of its verbs. Making, signing and showing a file need the base install alone."""

from __future__ import annotations

import click

from reconciler.cli.table import Table, Verb

VERBS: dict[str, Verb] = {
    "init": Verb("reconciler.cli.keys.init", "Make the keys that are missing, and the file of root 1."),
    "new": Verb("reconciler.cli.keys.new", "Make one signing key on this machine."),
    "public": Verb("reconciler.cli.keys.public", "Print the public half of a key."),
    "rotate": Verb("reconciler.cli.keys.rotate", "Propose the next root: other keys, or a later expiry."),
    "revoke": Verb("reconciler.cli.keys.revoke", "Propose a root under which a key counts no more."),
    "sign-root": Verb("reconciler.cli.keys.sign_root", "Read what a root changes, and sign it."),
    "publish": Verb("reconciler.cli.keys.publish", "Publish a root that is signed by enough people."),
    "show": Verb("reconciler.cli.keys.show", "Show the roots, who may sign what, and what is here."),
    "vouch": Verb("reconciler.cli.keys.vouch", "Say which ledger holds after a commit key was revoked."),
}


@click.group(cls=Table, verbs=VERBS)
def command() -> None:
    """Make, rotate, revoke and show signing keys and roots. docs/keys.md has the ceremonies.

    KEY is a public key: ed25519:HEX, a file that begins with one, or the file: or env: URI of a private key that is on
    this machine. Nothing here sends a private key anywhere.
    """
