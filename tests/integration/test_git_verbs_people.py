"""The verbs of people: approve, reject, cancel and retry, and what a dry run says would be decided."""

from __future__ import annotations

import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from reconciler.cli.environment_verbs import approve, cancel, reject, retry
from reconciler.release.ballot import Ballot, Proposal, render_proposal
from reconciler.release.branch import parse_branch
from reconciler.release.paths import hold_path
from reconciler.release.render import (
    LEDGER_HEAD,
    render_hold,
    render_quarantine,
    render_release,
    render_rollout,
)
from reconciler.release.state import (
    Completed,
    Hold,
    Ledger,
    Progress,
    Quarantine,
    Release,
    Rollout,
)
from tests.integration import test_git_verbs
from tests.integration.test_git_verbs import WHEN, A, B, C, Shop, git_server, ok, refused, shop
from tests.unit.config.trees import BASE, SERVICE, UPSTREAM

__all__ = ["git_server", "shop"]

PLAN = "7" * 64
LIVE = Completed(A, "a" * 40, "r-0001", 1, WHEN)
FAILED = Rollout(
    "r-0002", "rolled-back", B, A, "b" * 40, WHEN, "it was unwell", (Progress(1, "failed", WHEN, WHEN),)
)


@pytest.fixture(autouse=True)
def verbs(monkeypatch: pytest.MonkeyPatch) -> None:
    more = {"approve": approve, "reject": reject, "cancel": cancel, "retry": retry}
    monkeypatch.setattr(test_git_verbs, "VERBS", {**test_git_verbs.VERBS, **more})


@pytest.fixture
def key(tmp_path: Path) -> Path:
    """An SSH key of the person in the clone, who signs with nothing so far."""
    path = tmp_path / "id_ed25519"
    subprocess.run(
        ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", path], check=True, capture_output=True
    )
    return path


def propose(shop: Shop, **wish: str) -> None:
    proposal = Proposal(B, PLAN, "c" * 40, "8" * 64, "rolling", 2, WHEN)
    shop.write(
        "env/production",
        {
            "release.kdl": render_release(replace(Release(B, "b" * 40), **wish)),
            "proposal.kdl": render_proposal(proposal, LEDGER_HEAD),
            "rollout.kdl": render_rollout(Ledger(1, history=(LIVE,))),
        },
    )


def ballots(shop: Shop, digest: str) -> tuple[Ballot, ...]:
    head = shop.head("env/production").sha
    folder = f"approvals/{digest[7:19]}"
    names = shop.mirror.list_folder(head, folder)
    found = {f"{folder}/{name}": shop.mirror.read_file(head, f"{folder}/{name}") or b"" for name in names}
    return parse_branch(found).ballots


def test_approve_writes_a_signed_word_on_the_proposed_plan(shop: Shop, key: Path) -> None:
    propose(shop, hotfix="INC-1")
    output = ok("approve", "production", "--why", "Looked at it", "--sign", str(key))
    assert "gives this key to ada@example.com" in output
    (ballot,) = ballots(shop, B)
    assert (ballot.person, ballot.verdict, ballot.plan, ballot.why, ballot.hotfix) == (
        "ada@example.com", "approve", PLAN, "Looked at it", "INC-1",
    )  # fmt: skip
    info = shop.head("env/production")
    assert info.subject == f"Approve bbbbbbbbbbbb in production: plan {PLAN[:12]}"
    assert shop.mirror.signing_key(info.sha) is not None
    check = subprocess.run(
        ["git", "-c", "gpg.ssh.allowedSignersFile=/dev/null", "verify-commit", "-v", info.sha],
        cwd=shop.path, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert 'Good "git" signature' in check.stderr


def test_git_s_own_signing_key_is_used_and_without_one_the_command_to_sign_is_told(
    shop: Shop, key: Path
) -> None:
    propose(shop)
    output = ok("approve", "production")
    assert "does not count. Sign it with:\n  sentinelctl approve production --sign" in output
    assert not shop.mirror.is_signed(shop.head("env/production").sha)
    for name, value in {"gpg.format": "ssh", "user.signingkey": f"{key}.pub"}.items():
        subprocess.run(["git", "config", name, value], check=True)
    ok("approve", "production")
    assert shop.mirror.signing_key(shop.head("env/production").sha) is not None
    assert refused("approve", "production", "--sign", str(key.with_name("absent"))).code == "E-GIT-240"


def test_there_has_to_be_something_to_approve(shop: Shop) -> None:
    assert refused("approve", "production").code == "E-GIT-242"
    ok("promote", "production")
    assert refused("approve", "production").code == "E-GIT-242"
    assert refused("approve", "production", "--author", "X <-@->").code == "E-GIT-241"


def test_reject_needs_a_reason_and_no_key(shop: Shop) -> None:
    ok("promote", "production", "--digest", C)
    output = ok("reject", "production", "--why", "Not today")
    assert "production stops at the control plane's next look" in output
    (ballot,) = ballots(shop, C)
    assert (ballot.verdict, ballot.why) == ("reject", "Not today")


def test_cancel_asks_for_what_was_completed_last(shop: Shop) -> None:
    assert refused("cancel", "production", "--why", "x").code == "E-GIT-243"
    ok("promote", "staging", "--digest", C)
    ok("cancel", "staging", "--why", "Wrong one")
    release = shop.files("env/staging").release
    assert release is not None
    assert (release.digest, release.why) == (B, "Wrong one")
    assert "nothing is on its way in staging" in ok("cancel", "staging", "--why", "x")


def test_retry_lifts_the_quarantine_and_wishes_again_with_the_reason(shop: Shop) -> None:
    assert "no release has failed" in ok("retry", "staging", "--reason", "x")
    shop.write(
        "env/staging",
        {
            "rollout.kdl": render_rollout(Ledger(3, FAILED, None, (LIVE,))),
            "release.kdl": render_release(Release(A)),
            f"quarantine/{B[7:19]}.kdl": render_quarantine(Quarantine(B, "r-0002 failed")),
        },
    )
    ok("retry", "staging", "--reason", "The database is back")
    files = shop.files("env/staging")
    assert files.quarantine == ()
    assert files.release == Release(B, "b" * 40, "The database is back", "Ada Operator <ada@example.com>")
    info = shop.head("env/staging")
    assert info.subject == "Retry bbbbbbbbbbbb in staging: r-0002 was rolled back"
    assert info.body == "The database is back"


def test_retry_lets_a_paused_rollout_go_on(shop: Shop) -> None:
    paused = replace(FAILED, state="paused")
    hold = Hold("r-0002", "r-0002 failed")
    shop.write(
        "env/staging",
        {
            "rollout.kdl": render_rollout(Ledger(3, paused, None, (LIVE,))),
            hold_path("r-0002"): render_hold(hold),
        },
    )
    ok("retry", "staging", "--reason", "Repaired by hand")
    assert shop.files("env/staging").holds == ()


def test_a_dry_run_prints_what_would_be_decided(shop: Shop, key: Path) -> None:
    base = BASE.replace('    after "dev"\n', "")
    policy = base.index("policy {")
    base = base[:policy] + base[policy:].replace(
        "policy {", 'policy {\n        approvals 1 {\n            from "eve@example.com"\n        }', 1
    )
    tree = {"all.kdl": (base + UPSTREAM + SERVICE).encode(), "environments.kdl": None, "broken.kdl": None}
    trunk = shop.write("main", tree)
    before = shop.head("env/production").sha
    output = ok("promote", "production", "--digest", C, "--dry-run")
    assert "Decision, as far as git tells:\n" in output
    assert f"  Propose {C[7:19]} for production: plan " in output
    assert f"(policy of {trunk[:12]})" in output
    assert shop.head("env/production").sha == before
    output = ok("hold", "production", "--reason", "Audit", "--dry-run")
    assert "W-REL-001" in output
