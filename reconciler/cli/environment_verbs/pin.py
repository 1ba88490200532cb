"""`sentinelctl pin`: keep some nodes of an environment on a bundle of their own."""

from __future__ import annotations

from datetime import datetime

import click

from reconciler.cli.environment_verbs.caller import Caller
from reconciler.cli.environment_verbs.known import named
from reconciler.cli.environment_verbs.options import environment_options
from reconciler.cli.environment_verbs.wish import Already, BranchState, Wish, make_wish
from reconciler.cli.moment import Moment
from reconciler.cli.selector import SelectorType
from reconciler.release.branch import parse_branch
from reconciler.release.paths import pin_path
from reconciler.release.pins import MOST_NODES, NODE_ID, Pin
from reconciler.release.wishes.pinning import pin_wish, unpin_wish


def pin_name(context: click.Context, parameter: click.Parameter, value: str) -> str:
    """Check the name of a pin given on the command line."""
    try:
        pin_path(value)
    except ValueError as error:
        raise click.BadParameter(str(error)) from None
    return value


def node_ids(context: click.Context, parameter: click.Parameter, value: tuple[str, ...]) -> tuple[str, ...]:
    """Check the ids of nodes given on the command line."""
    for one in value:
        if NODE_ID.fullmatch(one) is None:
            raise click.BadParameter(f"'{one[:80]}' is not the id of a node")
    if len(value) > MOST_NODES:
        raise click.BadParameter(f"a pin names at most {MOST_NODES} nodes; --nodes means any number")
    return tuple(sorted(set(value)))


@click.command()
@environment_options
@click.option("--nodes", type=SelectorType(), metavar="SELECTOR", help="The nodes, by labels and groups.")
@click.option(
    "--node", "ids", multiple=True, callback=node_ids, metavar="ID", help="A node, by its id. Repeatable."
)
@click.option("--bundle", "digest", metavar="DIGEST", help="Bundle, or the beginning of its digest.")
@click.option("--reason", metavar="TEXT", help="Why. Everybody reads this.")
@click.option(
    "--until", type=Moment(), help="When it ends by itself. Default: it stands until it is removed."
)
@click.option(
    "--name", default="pin", show_default=True, callback=pin_name, help="Name, to remove this one alone."
)
@click.option("--remove", is_flag=True, help="Remove the pin of this name.")
def command(
    *,
    caller: Caller,
    environment: str,
    dry_run: bool,
    nodes: str | None,
    ids: tuple[str, ...],
    digest: str | None,
    reason: str | None,
    until: datetime | None,
    name: str,
    remove: bool,
) -> None:
    """Keep nodes of ENVIRONMENT on a bundle, whatever is released, or let them go again with --remove.

    A pin is judged like a release: its bundle has to be known, to have completed before, and not to be quarantined.
    """
    if remove:
        if nodes or ids or digest or reason or until:
            raise click.UsageError("--remove takes --name alone")
        make_wish(
            caller,
            environment,
            lambda state: unpin_wish(environment, parse_branch(state.files), name, str(caller.author)),
            dry_run=dry_run,
        )
        return
    if bool(nodes) == bool(ids) or not digest or not reason:
        raise click.UsageError("a pin takes --nodes or --node, --bundle and --reason")

    def decide(state: BranchState) -> Wish | Already:
        chosen = named(state.mirror, caller, digest)
        pin = Pin(name, chosen.digest, nodes or "", ids, str(caller.author), reason, until)
        return pin_wish(environment, parse_branch(state.files), pin)

    make_wish(caller, environment, decide, dry_run=dry_run)
