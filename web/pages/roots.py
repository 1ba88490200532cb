"""How long an organization's root holds: a notice when that is not much longer, and samples. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from reconciler.bundle.succession import RENEW_BEFORE
from reconciler.db.models import PublishedRoot
from web.pages.attention import Notice

RENEW = (
    "Renew it: sentinelctl keys rotate --publish, or the ceremony of docs/keys.md where several people sign."
)


def notices(root: PublishedRoot | None, *, now: datetime) -> Iterator[Notice]:
    """Nothing while the root holds for long, or before the clock has seen one."""
    if root is None or root.expires_at - now > RENEW_BEFORE:
        return
    if root.expires_at <= now:
        title, tone, icon, since = f"Root {root.version} has expired", "stop", "stalled", root.expires_at
        words = "Nodes keep what they run and take nothing new."
    else:
        days = (root.expires_at - now) // timedelta(days=1)
        left = f"in {days} {'day' if days == 1 else 'days'}" if days else "in less than a day"
        title, tone, icon, since = f"Root {root.version} expires {left}", "hold", "paused", None
        words = f"From {root.expires_at:%Y-%m-%d %H:%M} UTC on, nodes take nothing new."
    yield Notice(tone, icon, title, f"{words} {RENEW}", "E-KEY-014" if tone == "stop" else "", since, "")


def samples(
    organization: str, root: PublishedRoot | None
) -> Iterator[tuple[str, tuple[tuple[str, str], ...], int]]:
    """Version and expiry of the newest root; nothing before the clock has seen one."""
    if root is not None:
        labels = (("organization", organization),)
        yield "sentinel_root_version", labels, root.version
        yield "sentinel_root_not_after_seconds", labels, int(root.expires_at.timestamp())
