"""Why a delivery did not come, as far as what is known of each forge says. Pure. It is a guess and is called one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

LONG_AGO = timedelta(days=1)

NEVER_REPEATED = "the delivery was lost on its way: {forge} sends each once"
USUAL: Mapping[str, str] = {
    "github": NEVER_REPEATED.format(forge="GitHub"),
    "gitlab": "the delivery was lost, or GitLab has disabled the webhook after failures: its page says so",
    "bitbucket": "the delivery was lost, or larger than the 256 KB above which Bitbucket sends none",
    "bitbucket-data-center": "the delivery was lost, or skipped after failures, as Bitbucket's own page says",
    "gitea": NEVER_REPEATED.format(forge="Gitea"),
    "forgejo": NEVER_REPEATED.format(forge="Forgejo"),
    "generic": "the hook did not run, or could not reach us",
}


@dataclass(frozen=True, slots=True)
class Circumstances:
    """What is known of the connection: `last` is when it last delivered anything, None for never."""

    forge: str
    last: datetime | None
    now: datetime


def guess(ref: str, moved: Sequence[str], told: int, circumstances: Circumstances) -> str:
    """Why nobody told of `ref`, one of the references `moved` since the last look, of which `told` were told of."""
    forge, last, now = circumstances.forge, circumstances.last, circumstances.now
    if last is None:
        return "this connection has never delivered anything: is a webhook set up at the forge?"
    branches = sum(one.startswith("refs/heads/") for one in moved)
    if forge == "gitlab" and branches > 3 and told == 0:
        return f"{branches} branches moved at once, and GitLab sends nothing for a push of more than three"
    if forge == "github" and branches > 5000:
        return f"{branches} branches moved at once, and GitHub sends nothing for more than 5,000"
    if now - last > LONG_AGO:
        return f"nothing has come by this connection since {last:%Y-%m-%d %H:%M} UTC: is the webhook still active?"
    return USUAL[forge]
