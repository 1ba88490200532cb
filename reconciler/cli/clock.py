"""`sentinelctl clock`: run the schedule."""

from __future__ import annotations

import os

import click

from reconciler.jobs.clock import run_clock
from reconciler.settings import read_settings


@click.command()
def command() -> None:
    """Run the schedule: dispatch owed work every second and sweep every repository each SWEEP_SECONDS.

    It only enqueues nudges; two clocks at once are harmless.
    """
    run_clock(read_settings(os.environ))
