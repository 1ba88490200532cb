"""`sentinelctl node`: end what a node has, here and now. The node API notices within a second."""

from __future__ import annotations

import os

import click

from reconciler import clock
from reconciler.cli.join_token import chosen_project
from reconciler.db.enrolled import find_node, retire, revoke_all_tokens, revoke_tokens
from reconciler.db.models import Node
from reconciler.db.session import connect, writing
from reconciler.errors import Stalled
from reconciler.settings import read_settings


@click.group()
def command() -> None:
    """Retire nodes and revoke their tokens."""


@command.command("retire")
@click.argument("node")
@click.option("--because", required=True, help="Why; it stands in the node's timeline.")
@click.option("--project", help="Default: the only project there is.")
def retire_node(node: str, because: str, project: str | None) -> None:
    """End the registration of NODE, an id. Its key opens nothing any more; what it runs goes on running."""
    found = chosen_project(project)
    with writing():
        retire(_find(found.organization, found.slug, node), because, now=clock.now())
    click.echo(f"retired {node}")


@command.command("revoke-tokens")
@click.argument("node", required=False)
@click.option("--all", "everyone", is_flag=True, help="Of every node of the installation.")
@click.option("--project", help="Default: the only project there is.")
def revoke(node: str | None, everyone: bool, project: str | None) -> None:
    """Make the tokens of NODE worthless, or of all nodes. A node that still has its key gets itself a new one."""
    if everyone == (node is not None):
        raise click.UsageError("Name one node, or write --all.")
    if node is None:
        connect(read_settings(os.environ))
        click.echo(f"forgot {revoke_all_tokens()} keys: every token is worthless")
        return
    found = chosen_project(project)
    with writing():
        revoke_tokens(_find(found.organization, found.slug, node), now=clock.now())
    click.echo(f"revoked the tokens of {node}")


def _find(organization: str, project: str, node_id: str) -> Node:
    node = find_node(organization, project, node_id)
    if node is None:
        raise Stalled(
            "E-NOD-102",
            f"project '{project}' has no node '{node_id}' that is not retired",
            cure="Take the id from the page of the node",
        )
    return node
