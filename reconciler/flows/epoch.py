"""The rule of epochs: after a restore pointers are signed only under a root with which nodes begin anew."""

from __future__ import annotations

from reconciler.bundle.root import Root
from reconciler.db.restored import Restored
from reconciler.db.session import reading
from reconciler.errors import Stalled


def check_epoch(root: Root) -> None:
    """Return when the root's epoch is higher than that of the backup, or when there was none.

    Raises `Stalled` E-BAK-108. Nodes keep what they run meanwhile.
    """
    with reading():
        row = Restored.get_or_none(Restored.organization == root.organization)
    if row is not None and root.epoch <= row.epoch:
        raise Stalled(
            "E-BAK-108",
            f"the database of '{root.organization}' was restored from a backup of epoch {row.epoch}, and root "
            f"{root.version} is of epoch {root.epoch}. Nodes keep what they run and take nothing new",
            cure="Raise the epoch: `sentinelctl keys rotate --epoch --publish`; docs/backup.md",
        )
