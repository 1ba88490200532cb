"""`sentinelctl up`: run the whole system on this machine, embedded."""

from __future__ import annotations

import signal
import threading
from pathlib import Path
from types import FrameType

import click

from reconciler.embedded.bootstrap import ORGANIZATION, PROJECT
from reconciler.embedded.system import EmbeddedSystem

GREETING = """
  The control plane is up, with ten simulated nodes in three environments.

    Status pages   {pages}/o/{organization}/p/{project}/
                   Everybody on this machine may look; to change something:
                   SENTINEL_HOME={home} {sentinelctl} admin create you@example.com
    Clone          git clone {clone}
    Files, logs    {home}

  Three things to try:

    1. Change a target and push: every dev node runs it within its next polls.
         git clone {clone} && cd {project}
         sed -i 's/127.0.0.1:3000/127.0.0.1:3100/' upstreams.kdl && git commit -qam "Move a target" && git push

    2. Promote what dev runs, and watch production roll out in batches.
         {sentinelctl} promote staging        # then: promote production

    3. Break something: the pages refuse the commit with file and line, and nothing changes.
         echo 'servce "oops" {{ }}' >> services/storefront.kdl && git commit -qam "Oops" && git push

  Ctrl-C stops everything; the next `make up` resumes where it was.
"""


@click.command()
@click.option(
    "--home",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path(".sentinel"),
    show_default=True,
    help="Folder for everything this system keeps. Remove it to start afresh.",
)
@click.option("--poll-seconds", type=click.FloatRange(0.2, 3600), default=2.0, show_default=True,
              help="How often the simulated nodes poll and report.")  # fmt: skip
@click.option("--reload", is_flag=True, help="Restart the processes when the code changes.")
@click.option("--free-ports", is_flag=True, help="Take any free ports, not 8000 to 8004.")
def command(home: Path, poll_seconds: float, reload: bool, free_ports: bool) -> None:
    """Run the whole system on this machine: no Docker, no root, no servers to install.

    Git server, webhooks, workers, clock, node API, status pages and a small simulated fleet, all on loopback. With
    DATABASE_URL, REDIS_URL or S3_ENDPOINT set, the same processes use those servers.
    """
    stop = threading.Event()

    def end(number: int, frame: FrameType | None) -> None:
        stop.set()

    system = EmbeddedSystem(home, free_ports=free_ports, poll_seconds=poll_seconds, say=click.echo)
    click.echo("starting …")
    system.start()
    signal.signal(signal.SIGINT, end)
    signal.signal(signal.SIGTERM, end)
    click.echo(
        GREETING.format(
            pages=system.layout.url("pages"),
            clone=system.clone_url,
            home=system.layout.home,
            organization=ORGANIZATION,
            project=PROJECT,
            sentinelctl=Path(".venv/bin/sentinelctl").absolute()
            if Path(".venv/bin/sentinelctl").exists()
            else "sentinelctl",
        )
    )
    try:
        system.run(stop, reload=reload)
    finally:
        click.echo("stopping …")
        system.stop()
    click.echo("stopped")
