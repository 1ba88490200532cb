"""What a node runs, as it tells the control plane: which bundle, which files lie there, which versions. Never a value.

Files are those of the node's own environment and those that all share, each with the SHA-256 of what lies on the disk
now. Secrets are named with their versions; what they hold is in none of these files.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

from reconciler.bundle.manifest import MANIFEST
from reconciler.node.files import NodeFiles
from reconciler.node.protocol import AGENT, clean
from reconciler.node.proxy import RunningReport
from reconciler.node.state import Identity, NodeState

MOST_FILES = 2_000


def runtime_config(
    files: NodeFiles, identity: Identity, state: NodeState, report: RunningReport
) -> dict[str, Any] | None:
    """The document for the node API, None before anything was activated. Raises OSError."""
    active = state.active
    if active is None:
        return None
    folder = files.folder(active.digest)
    names = sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())
    own = [name for name in names if _is_own(name, identity.environment)]
    document = {
        "agent": AGENT,
        "proxy": clean(report.version, 255),
        "environment": identity.environment,
        "bundle": active.digest,
        "cohort": active.cohort,
        # A control plane that begins a new epoch was restored, and does not know any more what was told before.
        "epoch": state.trust.epoch if state.trust is not None else 0,
        "sequence": state.trust.sequence if state.trust is not None else 0,
        "restart_key": active.restart_key,
        "activated_at": active.activated_at,
        "files": {name: _sha256(folder / name) for name in own[:MOST_FILES]},
        "files_left_out": max(0, len(own) - MOST_FILES),
        "secrets": {name: one.version for name, one in sorted(active.secrets.items())},
        "gone_back_from": state.held.left if state.held is not None else None,
    }
    return {"config_id": report.config_id, "document": document}


def _is_own(name: str, environment: str) -> bool:
    parts = name.split("/")
    return name == MANIFEST or parts[0] not in ("config", "agents") or parts[1] == environment


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
