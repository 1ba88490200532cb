"""`sentinelctl certificate add`: a new certificate, its chain, and its key as a secret."""

from __future__ import annotations

from pathlib import Path

import click

from reconciler import clock
from reconciler.cli.certificate_verbs.options import note_about_key, pair_options
from reconciler.cli.certificate_verbs.pair import Brought, read_pair
from reconciler.cli.certificate_verbs.saving import save
from reconciler.cli.secret_verbs.options import clone_options, with_options
from reconciler.cli.secret_verbs.standing import add_secret, public_key, seal_into
from reconciler.cli.working_clone import WorkingClone
from reconciler.config.kdl import KdlNode
from reconciler.config.pem import written
from reconciler.config.report import Problem
from reconciler.config.values import resource_name
from reconciler.errors import Stalled

FOLDER = "certificates"
DEFAULT_FILE = "certificates.kdl"


@click.command("add")
@click.argument("name")
@with_options(*pair_options)
@click.option(
    "--key",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    required=True,
    help="Its private key, as PEM and without a passphrase.",
)
@click.option(
    "--environment",
    "environments",
    multiple=True,
    metavar="NAME",
    help="An environment in which it exists; may be repeated. Default: all.",
)
@click.option("--listener", metavar="NAME", help="Let this listener speak https with it.")
@click.option(
    "--for",
    "hosts",
    multiple=True,
    metavar="HOST",
    help="A name that it has to be for; may be repeated. Default: every DNS name in it.",
)
@click.option("--secret", metavar="NAME", help="What the secret with its key is called. Default: NAME-key.")
@with_options(*clone_options)
def command(
    name: str,
    cert: Path,
    key: Path,
    environments: tuple[str, ...],
    listener: str | None,
    hosts: tuple[str, ...],
    secret: str | None,
    path: Path,
    no_commit: bool,
) -> None:
    """Add the certificate NAME: check the pair, seal the key, and commit chain and resources together.

    The key has to fit the certificate, the chain has to be whole, in order and signed, and to hold now. Nothing is
    written when the repository would have an error that it did not have before.
    """
    now = clock.now()
    secret = secret or f"{name}-key"
    for text in (name, secret):
        told = resource_name().read(text)
        if isinstance(told, Problem):
            raise click.UsageError(f"{told.message}; expected {told.expected}.")
    clone = WorkingClone(path)
    before = clone.preview()
    for kind, other in (("certificate", name), ("secret", secret)):
        if clone.has(kind, other):
            raise Stalled(
                "E-CRT-016",
                f"there is a {kind} '{other}' already",
                cure=f"Run `sentinelctl certificate renew {name}`, or take another name",
            )
    every = tuple(other for _, other, _ in clone.resources("environment"))
    chosen = tuple(dict.fromkeys(environments)) or every
    for environment in chosen:
        public_key(clone, environment)
    brought = read_pair(cert, key, now=now)
    assert brought.key is not None  # noqa: S101 - a key was given
    add_secret(clone, secret, f"Private key of the certificate {name}")
    for environment in chosen:
        seal_into(clone, secret, environment, brought.key.pem, version=None, today=now.date())
    chain = f"{FOLDER}/{name}.pem"
    clone.put(chain, written(brought.chain))
    only = () if set(chosen) == set(every) else (KdlNode("only", chosen),)
    clone.add(
        _file(clone),
        KdlNode(
            "certificate",
            (name,),
            children=(
                *_names(brought, hosts),
                KdlNode("chain", (chain,)),
                KdlNode("key", (secret,)),
                *only,
            ),
        ),
    )
    if listener is not None:
        clone.resource("listener", listener)
        clone.set_child("listener", listener, KdlNode("protocol", ("https",)))
        clone.set_child("listener", listener, KdlNode("certificate", (name,)))
    done = save(clone, before, f"Add the certificate {name} for {', '.join(chosen)}", commit=not no_commit)
    click.echo(f"{name}: {brought.told(now)}")
    click.echo(f"sealed {secret} for {', '.join(chosen)}; {done}")
    note_about_key(key, path)


def _names(brought: Brought, hosts: tuple[str, ...]) -> tuple[KdlNode, ...]:
    """The names that it is declared for. Raises `Stalled` (E-CRT-015) when it is not for one."""
    for host in hosts:
        if not brought.leaf.is_for(host):
            raise Stalled(
                "E-CRT-015",
                f"the certificate is not for '{host}' but for {', '.join(brought.leaf.hosts) or 'no host at all'}",
                cure="Have one issued that is, or leave --for out",
            )
    names = hosts or brought.hosts
    return (KdlNode("names", tuple(sorted(set(names)))),) if names else ()


def _file(clone: WorkingClone) -> str:
    """The file that most certificates stand in."""
    files = [path for path, _, _ in clone.resources("certificate")]
    return max(sorted(set(files)), key=files.count) if files else DEFAULT_FILE
