"""The numbered checks as people see them: each has an outcome, nothing that failed or was not reached reads as good."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from reconciler.bundle import checklist, examine, verify
from reconciler.bundle.checklist import CHECKS
from reconciler.bundle.examine import Examination, Offered, Outcome
from reconciler.bundle.limits import LIMITS, Limits
from reconciler.bundle.pointer import sign_pointer
from reconciler.bundle.root import sign_root
from reconciler.bundle.statement import sign_statement
from tests.unit.bundle.offers import AUDIENCE, DAY, NOW, bundle_files, key, offer, root

DOCS = Path(__file__).resolve().parents[3] / "docs"


def offered(**changes: Any) -> Offered:
    made = offer()
    whole = Offered((made.root_bytes(),), made.blob, made.statement_bytes(), made.pointer_bytes(), AUDIENCE)
    return replace(whole, **changes)


def outcomes(found: Examination) -> str:
    """One letter for each check: passed, failed, unreached, skipped."""
    return "".join(result.outcome.name[0] for result in found.results)


def failure(found: Examination) -> tuple[int, str]:
    return next((r.check.number, r.code) for r in found.results if r.outcome is Outcome.failed)


def test_everything_passes() -> None:
    made = offer()
    found = examine.examine(offered(), now=NOW)
    assert found.good
    assert outcomes(found) == "p" * 11
    assert (found.pointer, found.statement, found.root) == (made.pointer, made.statement, made.root)
    assert any("newer pointer" in sentence for sentence in found.unchecked)


def test_without_a_pointer_the_statement_takes_its_place() -> None:
    found = examine.examine(offered(pointer=None, audience=None), now=NOW)
    assert found.good
    assert outcomes(found) == "ppssssspppp"
    assert {r.words for r in found.results if r.outcome is Outcome.skipped} == {"no pointer was given"}
    assert any("Who should run this bundle" in sentence for sentence in found.unchecked)


def test_an_expired_root_is_said_where_nothing_judges_it() -> None:
    found = examine.examine(offered(pointer=None, audience=None), now=NOW + 400 * DAY)
    assert found.good
    assert any("root 1 expired at" in sentence for sentence in found.unchecked)


def made_by(name: str) -> dict[str, Any]:
    """What is offered when one thing is wrong, by the name of that thing."""
    made = offer()
    return {
        "a pointer above its cap": {"pointer": bytes(LIMITS.pointer + 1)},
        "a statement above its cap": {"statement": bytes(LIMITS.statement + 1)},
        "a bundle above its cap": {"pointer": made.pointer_bytes(length=LIMITS.tar + 1)},
        "no root": {"roots": ()},
        "a root by nobody": {"roots": (sign_root(made.root, [key("pointer")]),)},
        "noise for a root": {"roots": (b"noise",)},
        "a root with a gap": {"roots": (made.root_bytes(), sign_root(root(version=3), [key("root")]))},
        "one root twice": {"roots": (made.root_bytes(), made.root_bytes())},
        "a pointer by another": {"pointer": sign_pointer(made.pointer, key("bundle"))},
        "noise for a pointer": {"pointer": b"{}"},
        "another audience": {"audience": replace(AUDIENCE, cohort="next")},
        "another epoch": {"pointer": made.pointer_bytes(epoch=2)},
        "a jump": {"pointer": made.pointer_bytes(sequence=LIMITS.sequence_jump + 1)},
        "an old pointer": {"pointer": made.pointer_bytes(issued=NOW - 2 * DAY, expires=NOW)},
        "another blob": {"blob": made.blob[:-1] + b"!"},
        "a shorter tar": {"pointer": made.pointer_bytes(length=len(made.tar) - 1)},
        "another tar": {"pointer": made.pointer_bytes(digest="sha256:" + "0" * 64)},
        "nothing for the environment": {
            "pointer": made.pointer_bytes(environment="dev"), "audience": replace(AUDIENCE, environment="dev"),
        },
        "a statement by another": {"statement": sign_statement(made.statement, key("pointer"))},
        "another statement": {"statement": made.statement_bytes(project="blog")},
        "noise for a statement": {"statement": b"\x00"},
    }[name]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "number", "code"),
    [
        ("a pointer above its cap", 1, "E-VER-001"),
        ("a statement above its cap", 1, "E-VER-001"),
        ("a bundle above its cap", 1, "E-VER-001"),
        ("no root", 2, "E-VER-002"),
        ("a root by nobody", 2, "E-VER-002"),
        ("noise for a root", 2, "E-VER-013"),
        ("a root with a gap", 2, "E-VER-002"),
        ("one root twice", 2, "E-VER-002"),
        ("a pointer by another", 3, "E-VER-003"),
        ("noise for a pointer", 3, "E-VER-014"),
        ("another audience", 4, "E-VER-004"),
        ("another epoch", 5, "E-VER-005"),
        ("a jump", 5, "E-VER-006"),
        ("an old pointer", 6, "E-VER-008"),
        ("another blob", 8, "E-VER-009"),
        ("a shorter tar", 9, "E-VER-010"),
        ("another tar", 10, "E-VER-011"),
        ("nothing for the environment", 10, "E-NOD-015"),
        ("a statement by another", 11, "E-VER-012"),
        ("another statement", 11, "E-VER-012"),
        ("noise for a statement", 11, "E-VER-013"),
    ],
)
def test_what_is_wrong_fails_its_own_check(name: str, number: int, code: str) -> None:
    found = examine.examine(offered(**made_by(name)), now=NOW)
    assert not found.good
    assert failure(found) == (number, code)
    # Checks are applied in order, except that a cap may be met late: nothing behind the failure reads as passed.
    letters = outcomes(found)
    assert "p" not in letters[number:] if number > 1 else letters.count("f") == 1
    assert letters[number - 1] == "f"
    assert set(letters[1 : number - 1]) <= {"p"}


@pytest.mark.parametrize("name", ["a statement by another", "another blob", "a statement above its cap"])
def test_without_a_pointer_what_is_wrong_is_refused_too(name: str) -> None:
    found = examine.examine(offered(pointer=None, audience=None, **made_by(name)), now=NOW)
    assert not found.good


def test_every_cap_is_looked_at_before_anything_is_believed() -> None:
    blob = offered().blob
    found = examine.examine(offered(roots=(b"noise",)), now=NOW, limits=Limits(blob=len(blob) - 1))
    assert failure(found) == (1, "E-VER-001")
    assert outcomes(found) == "f" + "u" * (len(examine.CHECKS) - 1)


def test_without_a_pointer_the_statement_names_the_bytes() -> None:
    other = offer(bundle_files(agents__extra=b"1"))
    found = examine.examine(offered(pointer=None, audience=None, blob=other.blob), now=NOW)
    assert failure(found) == (8, "E-VER-009")
    found = examine.examine(
        offered(pointer=None, audience=None, statement=offer().statement_bytes(organization="other")), now=NOW
    )
    assert failure(found) == (11, "E-VER-012")
    for changes, expected in (
        ({"tar_length": offer().statement.tar_length - 1}, (9, "E-VER-010")),
        ({"tar_sha256": "0" * 64}, (10, "E-VER-011")),
        ({"tar_length": LIMITS.tar + 1}, (1, "E-VER-001")),
    ):
        statement = offer().statement_bytes(**changes)
        assert failure(
            examine.examine(offered(pointer=None, audience=None, statement=statement), now=NOW)
        ) == (expected)


def test_roots_are_a_chain_in_whatever_order_they_come() -> None:
    second = sign_root(root(version=2, expires=NOW + 500 * DAY), [key("root")])
    third = sign_root(root(version=3, expires=NOW + 600 * DAY), [key("root")])
    found = examine.examine(
        offered(roots=(third, offer().root_bytes(), second)), now=NOW + timedelta(hours=1)
    )
    assert found.good
    assert found.root is not None
    assert found.root.version == 3


def test_an_exception_that_nobody_foresaw_is_a_failed_check(monkeypatch: pytest.MonkeyPatch) -> None:
    def surprise(*_: Any) -> None:
        raise KeyError("nobody")

    monkeypatch.setattr(examine, "environment_of", surprise)
    found = examine.examine(offered(), now=NOW)
    assert failure(found) == (10, "E-VER-099")
    monkeypatch.setattr(verify, "decode_statement", surprise)
    found = examine.examine(offered(pointer=None, audience=None), now=NOW)
    assert failure(found) == (11, "E-VER-099")


def test_an_auditor_s_verifier_accepts_no_statement_for_activation() -> None:
    made = offer()
    verifier = verify.Verifier(made.state, AUDIENCE)
    verifier.accept_stated(made.statement_bytes())
    verifier.accept_blob(made.blob)
    with pytest.raises(verify.Misuse):
        verifier.accept_statement(made.statement_bytes())
    with pytest.raises(verify.Misuse):
        verifier.accept_root(made.root_bytes(), now=NOW)


def test_the_checks_are_numbered_without_gaps_and_no_code_has_two() -> None:
    assert [check.number for check in CHECKS] == list(range(1, len(CHECKS) + 1))
    codes = [code for check in CHECKS for code in check.codes]
    assert len(codes) == len(set(codes))


def test_code_and_pages_tell_one_list() -> None:
    listed = re.findall(r"^    (\d+) +(\S.*)$", verify.__doc__ or "", re.MULTILINE)
    assert listed == [(str(check.number), check.title) for check in CHECKS]
    numbered = re.findall(r"^(\d+)\. \*\*([^*]+)\*\*", (DOCS / "trust.md").read_text(), re.MULTILINE)
    assert numbered == listed
    assert checklist.render_checks() in (DOCS / "verifying.md").read_text()
    explained = (DOCS / "errors" / "verify.md").read_text()
    assert [code for check in CHECKS for code in check.codes if f"### {code}" not in explained] == []
