"""`sentinelctl worker`: run a worker for RQ's queues."""

from __future__ import annotations

import os

import click

from reconciler.jobs.worker import QUEUES, work
from reconciler.settings import read_settings


@click.command()
@click.argument("queues", nargs=-1, type=click.Choice(QUEUES))
def command(queues: tuple[str, ...]) -> None:
    """Run a worker for QUEUES, until it is told to stop.

    `compile` needs the bundle key and `release` the pointer, commit and sealing keys; workers of one queue each can run
    as different users on different machines. Without QUEUES it takes those whose keys it can read, and says which it
    lacks.
    """
    work(read_settings(os.environ), queues)
