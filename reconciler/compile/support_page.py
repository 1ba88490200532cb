"""The page that publishes the support table."""

from __future__ import annotations

from reconciler.compile.feature import Feature, Level
from reconciler.compile.support import FEATURES
from reconciler.config.proxies import PROXY_VERSIONS


def render_support() -> dict[str, str]:
    """Path below the repository's root → text, of the published table."""
    return {"docs/language/support.md": _page()}


def _page() -> str:
    rows = "\n".join(_cells(feature) for feature in FEATURES.values())
    return f"""# Support

This page is generated from `reconciler/compile/support.py`, which also drives the findings.

- **native**: the proxy does it.
- **agent**: a process beside the proxy does it; the compiler writes what connects the two.
- **ineffective**: the proxy accepts it and does not do it. A warning, [W-CMP-001](../errors/compile.md).
- **impossible**: nothing can be written that does it. An error, [E-CMP-006](../errors/compile.md).

A feature that works and loses something gives an information, [W-CMP-002](../errors/compile.md). The versions are those
of the proxy's crate, as the `proxy-version` of an environment names them: {", ".join(PROXY_VERSIONS)}.

| feature | what | support | how, or why not | what is lost | instead |
|---|---|---|---|---|---|
{rows}
"""


def _cells(feature: Feature) -> str:
    versions: dict[Level, list[str]] = {}
    for version in PROXY_VERSIONS:
        versions.setdefault(feature.level(version), []).append(version)
    if len(versions) == 1:
        support = str(next(iter(versions)))
    else:
        support = "; ".join(f"{level} on {', '.join(names)}" for level, names in versions.items())
    cells = (f"`{feature.name}`", feature.what, support, feature.note, feature.loses, feature.instead)
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"
