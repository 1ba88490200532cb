"""`sentinelctl explain`: what a kind, a feature or a code means."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import click

from reconciler.compile.feature import Feature
from reconciler.compile.support import FEATURES
from reconciler.config.characters import shown
from reconciler.config.explaining import explain, topics
from reconciler.config.kinds import KINDS
from reconciler.config.proxies import NEWEST
from reconciler.config.suggest import nearest

PAGES = Path(__file__).resolve().parents[2] / "docs" / "errors"


@click.command()
@click.argument("topic", metavar="KIND|TEMPLATE|FEATURE|CODE", required=False)
def command(topic: str | None) -> None:
    """Explain a kind of resource with its fields and what the proxy does with them, a built-in template such as
    rest-api, a feature such as service.cache, or a code such as E-REF-001. Without an argument, list the kinds."""
    if topic is None:
        for name, kind in KINDS.items():
            click.echo(f"{name:20} {kind.field.doc}")
        return
    text = _explained(topic)
    if text is None:
        near = nearest(topic, [*topics(), *FEATURES])
        hint = f"Did you mean '{near}'?" if near else "Without an argument, the kinds are listed."
        raise click.UsageError(f"There is no kind, template, feature or code {shown(topic)}. {hint}")
    click.echo(text, nl=False)


def _explained(topic: str) -> str | None:
    if topic in KINDS:
        return (explain(topic) or "") + "".join(_support(topic))
    if topic in FEATURES:
        return f"{topic}\n\n{_feature(FEATURES[topic])}\n"
    return explain(topic) or _page(topic.upper())


def _support(kind: str) -> Iterator[str]:
    """What the newest proxy does with each feature of a kind."""
    features = [f for f in FEATURES.values() if f.name == kind or f.name.startswith((f"{kind}.", f"{kind} "))]
    if features:
        yield f"\nWith the proxy {NEWEST}:\n"
    for feature in features:
        yield f"  {feature.name}: {_feature(feature)}\n"


def _feature(feature: Feature) -> str:
    parts = [f"{feature.what}: {feature.level(NEWEST)}"]
    if feature.note:
        parts.append(f"({feature.note})")
    sentence = " ".join(parts)
    if feature.loses:
        sentence += f"; {feature.loses}"
    if feature.instead:
        sentence += f". Instead: {feature.instead}"
    return sentence


def _page(code: str) -> str | None:
    """The explanation of another part's code, from the documents of a checkout; None where there are none."""
    for page in sorted(PAGES.glob("*.md")):
        found = re.search(rf"^### {re.escape(code)} .*?(?=^#|\Z)", page.read_text(), re.MULTILINE | re.DOTALL)
        if found:
            return found[0].removeprefix("### ").rstrip() + "\n"
    return None
