"""`sentinelctl replay`: every decision of an environment branch made again from its inputs."""

from __future__ import annotations

import json
import os

import click

from reconciler.db.session import connect
from reconciler.errors import Stalled
from reconciler.flows.context import Context, load_installation, open_context
from reconciler.flows.replaying import Verdict, replay
from reconciler.settings import read_settings

WORDS = {
    Verdict.same: "same",
    Verdict.different: "DIFFERENT",
    Verdict.no_inputs: "not decided again",
}


@click.command()
@click.argument("environment")
@click.option("--project", help="The project's slug; may be left out when there is one.")
@click.option(
    "--limit", default=1000, show_default=True, type=click.IntRange(1, 100_000), help="So many commits."
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object a line.")
def command(environment: str, project: str | None, limit: int, as_json: bool) -> None:
    """Decide again what each commit of an environment branch decided, and compare what follows with the commit.

    The inputs of a decision are kept in the store under the digest that its commit names. Nothing is changed. The
    newest commit comes first; commits of people are passed over.

    Exit code 0 when every decision that has its inputs came out the same, 1 when one did not or none has them.
    """
    context = _open(project)
    counts = dict.fromkeys(Verdict, 0)
    for one in replay(context, environment, limit=limit):
        counts[one.verdict] += 1
        if as_json:
            document = {
                "commit": one.sha,
                "subject": one.subject,
                "verdict": one.verdict,
                "because": one.because,
            }
            click.echo(json.dumps(document, ensure_ascii=False))
        else:
            because = f": {one.because}" if one.because else ""
            click.echo(f"{one.sha[:12]}  {WORDS[one.verdict]}{because}  ({one.subject})")
    if not as_json:
        click.echo("; ".join(f"{count} {WORDS[verdict]}" for verdict, count in counts.items()))
    if counts[Verdict.different] or not counts[Verdict.same]:
        raise SystemExit(1)


def _open(slug: str | None) -> Context:
    settings = read_settings(os.environ)
    connect(settings)
    installation = load_installation(settings)
    known = [(o.slug, p.slug) for o in installation.organizations for p in o.projects]
    found = [names for names in known if slug in (None, names[1])]
    if len(found) != 1:
        raise Stalled(
            "E-SIM-005",
            f"there is no project '{slug}'" if slug else "there is not exactly one project",
            cure=f"Name one with --project: {', '.join(sorted(p for _, p in known))}",
        )
    return open_context(settings, installation, *found[0], os.environ)
