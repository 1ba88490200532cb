"""`sentinelctl explain`: what a kind or a code means."""

from __future__ import annotations

import re
from pathlib import Path

import click

from reconciler.config.explaining import explain, topics
from reconciler.config.kinds import KINDS
from reconciler.config.suggest import did_you_mean

PAGES = Path(__file__).resolve().parents[2] / "docs" / "errors"


@click.command()
@click.argument("topic", metavar="KIND|CODE", required=False)
def command(topic: str | None) -> None:
    """Explain a kind of resource with its fields, or a code such as E-REF-001. Without an argument, list the kinds."""
    if topic is None:
        for name, kind in KINDS.items():
            click.echo(f"{name:14} {kind.field.doc}")
        return
    text = explain(topic) or _page(topic.upper())
    if text is None:
        hint = did_you_mean(topic, topics())
        raise click.UsageError(
            f"There is no kind and no code '{topic}'.{f' {hint.capitalize()}' if hint else ''}"
        )
    click.echo(text, nl=False)


def _page(code: str) -> str | None:
    """The explanation of another part's code, from the documents of a checkout; None where there are none."""
    for page in sorted(PAGES.glob("*.md")):
        found = re.search(rf"^### {re.escape(code)} .*?(?=^#|\Z)", page.read_text(), re.MULTILINE | re.DOTALL)
        if found:
            return found[0].removeprefix("### ").rstrip() + "\n"
    return None
