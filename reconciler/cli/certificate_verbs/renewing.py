"""`sentinelctl certificate renew`: another chain, and another key unless it is still the same."""

from __future__ import annotations

from pathlib import Path

import click

from reconciler import clock
from reconciler.cli.certificate_verbs.options import note_about_key, pair_options
from reconciler.cli.certificate_verbs.pair import Brought, read_pair
from reconciler.cli.certificate_verbs.saving import save
from reconciler.cli.certificate_verbs.sound import sound_snapshot
from reconciler.cli.secret_verbs.options import clone_options, with_options
from reconciler.cli.secret_verbs.standing import seal_into
from reconciler.cli.working_clone import WorkingClone
from reconciler.config.pem import certificates, written
from reconciler.config.resources import Resource
from reconciler.config.snapshot import Snapshot
from reconciler.errors import Stalled


@click.command("renew")
@click.argument("name")
@with_options(*pair_options)
@click.option(
    "--key",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="Its private key, as PEM and without a passphrase. It may be left out when it is the same as before.",
)
@click.option(
    "--environment",
    "environments",
    multiple=True,
    metavar="NAME",
    help="An environment that gets it; may be repeated. Default: all in which the certificate exists.",
)
@with_options(*clone_options)
def command(
    name: str,
    cert: Path,
    key: Path | None,
    environments: tuple[str, ...],
    path: Path,
    no_commit: bool,
) -> None:
    """Renew the certificate NAME: check the new pair, seal the key as its next version, and commit both together.

    Bundles that were made before keep the old chain and the old version of the key, so a rollback finds its pair.
    """
    now = clock.now()
    clone = WorkingClone(path)
    clone.resource("certificate", name)
    before = clone.preview()
    snapshot = sound_snapshot(before)
    resource = snapshot.resources[("certificate", name)]
    chosen, chain, secret = _place(resource, snapshot, environments)
    brought = read_pair(cert, key, now=now)
    content = written(brought.chain)
    _check_change(name, snapshot.attached[chain], content, brought)
    clone.put(chain, content)
    versions = {}
    if brought.key is not None:
        versions = {
            environment: seal_into(
                clone, secret, environment, brought.key.pem, version=None, today=now.date()
            )
            for environment in chosen
        }
    done = save(clone, before, f"Renew the certificate {name} for {', '.join(chosen)}", commit=not no_commit)
    click.echo(f"{name}: {brought.told(now)}")
    told = ", ".join(f"{environment} (v{version})" for environment, version in versions.items())
    click.echo(f"sealed {secret} for {told}; {done}" if told else f"the key is the same as before; {done}")
    if key is not None:
        note_about_key(key, path)


def _place(
    resource: Resource, snapshot: Snapshot, wanted: tuple[str, ...]
) -> tuple[tuple[str, ...], str, str]:
    """The environments that get the new pair, the file of the chain, and the secret of the key.

    Raises `Stalled` (E-CRT-016) when these environments do not have one pair to themselves.
    """
    name = resource.name
    effective = {e: resource.effective(e) for e in snapshot.environments if resource.is_in(e)}
    for environment in wanted:
        if environment not in effective:
            raise Stalled(
                "E-CRT-016",
                f"the certificate '{name}' does not exist in {environment}",
                cure=f"It exists in: {', '.join(effective)}",
            )
    chosen = tuple(e for e in effective if not wanted or e in wanted)
    pairs = {(effective[e].get("chain"), effective[e].get("key")) for e in chosen}
    chain, secret = next(iter(pairs))
    if len(pairs) != 1:
        raise Stalled(
            "E-CRT-016",
            f"the certificate '{name}' is not the same one in {', '.join(chosen)}",
            cure="Renew those that have one file together: name them with --environment",
        )
    if chain is None or secret is None:
        raise Stalled(
            "E-CRT-016",
            f"the certificate '{name}' is to be ordered, so there is no pair to renew",
            cure="Put chain and key in the place of acme, and add the pair under another name first",
        )
    others = [e for e, data in effective.items() if e not in chosen and data.get("chain") == chain]
    if others:
        raise Stalled(
            "E-CRT-016",
            f"{', '.join(others)} would get the new chain of '{name}' and keep the old key",
            cure="Leave --environment out, or give these environments a chain of their own in a 'for' block first",
        )
    return chosen, chain, secret


def _check_change(name: str, old: bytes, new: bytes, brought: Brought) -> None:
    before = certificates(old)
    if new == written(before):
        raise Stalled(
            "E-CRT-016",
            f"'{name}' has this very certificate already",
            cure="Give the one that was issued last",
        )
    if brought.key is None and brought.leaf.public_key != before[0].public_key:
        raise Stalled(
            "E-CRT-012",
            f"the new certificate of '{name}' is for another key than the one before",
            cure="Give that key with --key",
        )
