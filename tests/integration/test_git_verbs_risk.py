"""`sentinelctl promote --dry-run` tells the risk, from what git alone has."""

from __future__ import annotations

from reconciler.release.render import render_rollout
from reconciler.release.state import Completed, Ledger
from tests.integration.test_git_verbs import WHEN, A, B, C, Shop, git_server, ok, shop
from tests.unit.config.trees import BASE, SERVICE, UPSTREAM

__all__ = ["git_server", "shop"]

LIMITED = SERVICE.replace("}", "    rate-limit {\n        requests-per-second 10\n    }\n}")


def completed(*bundles: tuple[str, str]) -> bytes:
    """The ledger of an environment that completed these digests of these commits, newest first."""
    count = len(bundles)
    history = tuple(
        Completed(digest, commit, f"r-{count - place:04d}", count - place, WHEN)
        for place, (digest, commit) in enumerate(bundles)
    )
    return render_rollout(Ledger(sequence=count, history=history))


def tree(services: str) -> dict[str, bytes | None]:
    return {
        "all.kdl": (BASE + UPSTREAM + services).encode(),
        "environments.kdl": None,
        "broken.kdl": None,
    }


def risk_of(shop: Shop, live: str, coming: str) -> list[str]:
    """What a dry run says of bringing production from one commit to another."""
    shop.write("env/dev", {"rollout.kdl": completed((B, coming), (A, live))})
    shop.write("env/production", {"rollout.kdl": completed((A, live))})
    output = ok("promote", "production", "--dry-run")
    return [line for line in output[output.index("Risk: ") : output.index("Decision")].splitlines() if line]


def test_the_risk_of_a_promotion_is_told_with_rule_and_routes(shop: Shop) -> None:
    live = shop.write("main", tree(LIMITED))
    coming = shop.write("main", tree(SERVICE))
    first, *reasons = risk_of(shop, live, coming)
    assert first == f"Risk: high, against {live[:12]}, which runs in production"
    assert (
        "  high rate-limit-removed: orders is no longer limited by orders.rate-limit (on orders)" in reasons
    )


def test_a_promotion_without_risk_says_so_and_is_not_made(shop: Shop) -> None:
    live = shop.write("main", tree(SERVICE))
    coming = shop.write("main", {"README.md": b"x"})
    before = shop.head("env/production").sha
    assert risk_of(shop, live, coming) == [
        f"Risk: low, against {live[:12]}, which runs in production",
        "Needs: proxies of 0.6.20 or newer; nodes with an older one are left out",
    ]
    assert shop.head("env/production").parents == (before,)


def test_what_cannot_be_compiled_here_is_unknown(shop: Shop) -> None:
    live = shop.write("main", tree("nonsense"))
    coming = shop.write("main", tree(SERVICE))
    assert risk_of(shop, live, coming) == [
        f"Risk: unknown, commit {live[:12]} does not compile with this version"
    ]
    assert risk_of(shop, C[7:47], coming) == [
        "Risk: unknown, git does not say which commit the bundle was made of"
    ]


def test_where_nothing_runs_the_risk_is_low(shop: Shop) -> None:
    assert "Risk: low, nothing runs in production" in ok("promote", "production", "--dry-run")
    assert "Risk" not in ok("promote", "production")
