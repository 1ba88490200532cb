"""Whether two configurations do the same, apart from what the control plane reserves for itself."""

from __future__ import annotations

from reconciler.compile.diff.changes import Change
from reconciler.compile.diff.compare import compare_models
from reconciler.compile.diff.model import Model, Part
from reconciler.compile.reserved import LISTENER, NAMESPACE

OWN_FACTS = {"observability": ("metrics.",), "system": ("auto-reload",)}
"""Facts of settings that are the control plane's: where metrics are served, and who says when the proxy reloads."""


def differences(before: Model, after: Model) -> tuple[Change, ...]:
    """What the proxy would do differently.

    Left out are the reserved listener, the reserved namespace, the marker filter, where metrics are served, and
    auto-reload.
    """
    return compare_models(_without_reserved(before), _without_reserved(after))


def _without_reserved(model: Model) -> Model:
    kept = {}
    for key, part in model.parts.items():
        kind, name = key
        if (kind == "listener" and name == LISTENER) or name.startswith(f"{NAMESPACE}:"):
            continue
        own = OWN_FACTS.get(name, ()) if kind == "setting" else ()
        facts = {path: fact for path, fact in part.facts.items() if not (own and path.startswith(own))}
        kept[key] = Part(kind, name, facts)
    return Model(kept)
