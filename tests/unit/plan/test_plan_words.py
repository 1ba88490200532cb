"""Statuses that are never falsely green, limits, and texts that cannot steer a page."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.compile.compiler import Compilation
from reconciler.config.findings import Finding, Place, Severity
from reconciler.plan.markdown import code, fenced, markdown, plain
from reconciler.plan.model import Plan, Side, Standing, Verdict
from reconciler.plan.statuses import LONGEST, Status, context, of_plan, of_rollout, pending
from tests.unit.plan.planned import BASE, COMMON, MERGED, plan_of, service, side

BEFORE = side(BASE, *COMMON, service("a"))
AFTER = side(MERGED, *COMMON, service("a", 'path-prefix "/b"'))
EMPTY = Side(MERGED, "t", (), Compilation((), (), ""), "sha256:" + "0" * 64)
BROKEN = Side(MERGED, "t", (Finding("E-X-001", Severity.error, None, "no"),))


def states(plan: Plan) -> list[str]:
    return [status.state for status in of_plan(plan, "here", "shop")]


@pytest.mark.parametrize(
    ("after", "verdict", "wanted"),
    [
        pytest.param(AFTER, Verdict.ready, ["success", "success"], id="ready"),
        pytest.param(BEFORE, Verdict.nothing, ["success", "success"], id="nothing changes"),
        pytest.param(EMPTY, Verdict.empty, ["pending", "pending"], id="an empty set is not green"),
        pytest.param(BROKEN, Verdict.refused, ["failure", "failure"], id="refused"),
        pytest.param(None, Verdict.conflict, ["pending", "failure"], id="conflict"),
        pytest.param(replace(AFTER, compilation=None), Verdict.refused, ["failure", "failure"], id="no compilation"),
        pytest.param(
            replace(AFTER, findings=BROKEN.findings), Verdict.refused, ["failure", "failure"], id="both at once"
        ),
    ],
)  # fmt: skip
def test_a_success_needs_something_that_was_looked_at(
    after: Side | None, verdict: Verdict, wanted: list[str]
) -> None:
    plan = plan_of(BEFORE, after)
    assert plan.verdict is verdict
    assert states(plan) == wanted


def test_contexts_name_the_installation_and_the_project() -> None:
    assert [status.context for status in pending("eu-1", "shop")] == [
        "sentinel/eu-1/shop/validate",
        "sentinel/eu-1/shop/plan",
    ]
    assert context("eu-1", "shop", "plan") != context("eu-2", "shop", "plan")
    assert {status.state for status in pending("eu-1", "shop")} == {"pending"}


@given(words=st.text(max_size=400), number=st.integers(1, 90))
def test_descriptions_fit_everywhere(words: str, number: int) -> None:
    findings = tuple(
        Finding("E-X-001", Severity.error, Place("x.kdl", n, 1), words) for n in range(1, number)
    )
    plan = plan_of(BEFORE, Side(MERGED, "t", findings))
    assert all(len(status.description) <= LONGEST for status in of_plan(plan, "here", "shop"))


def test_nodes_that_nobody_counted_are_not_counted_as_none() -> None:
    plan = plan_of(BEFORE, AFTER, standings={"dev": Standing("", 3)})
    assert plan.nodes is None
    assert "node" not in of_plan(plan, "here", "shop")[1].description
    assert "| not known |" in markdown(plan)
    assert plan_of(BEFORE, BEFORE, standings={}).nodes == 0, "of nothing that changes, none are reached"


@given(text=st.text(max_size=300))
def test_a_sentence_cannot_steer_the_page(text: str) -> None:
    shown = plain(text)
    assert "\n" not in shown
    assert not re.search(r"[<>|]|(?<!\\)[`*_\[\]~]|@(?!\u200b)|://", shown.replace("\\\\", ""))


@given(text=st.text(max_size=300))
def test_code_is_one_span_on_one_line(text: str) -> None:
    shown = code(text)
    assert shown.startswith("`")
    assert shown.endswith("`")
    assert not set("`|\n\r") & set(shown[1:-1])
    assert len(shown) > 2


@given(text=st.text(alphabet="`a\n", max_size=40))
def test_a_block_of_code_cannot_be_ended_by_what_it_holds(text: str) -> None:
    fence, *_, last = fenced(text).split("\n")
    assert last == fence.removesuffix("diff")
    assert last not in text


@pytest.mark.parametrize("limit", [1_000, 3_000, 10_000, 60_000])
def test_what_is_too_long_loses_what_is_folded_first(limit: int) -> None:
    before = side(BASE, *COMMON, *(service(f"s{n}") for n in range(60)))
    after = side(MERGED, *COMMON, *(service(f"s{n}", 'path-prefix "/v2"') for n in range(60)))
    plan = plan_of(before, after)
    text = markdown(plan, limit=limit, report="https://sentinel.example/plans/7")
    assert len(text) <= limit
    assert "Look twice" in text
    whole = markdown(plan, limit=10_000_000)
    assert (text == whole) == (limit >= len(whole) + 200)
    if 3_000 <= limit < len(whole):
        assert "Cut to" in text
        assert "https://sentinel.example/plans/7" in text
        assert text.count("<details>") == text.count("</details>")


def test_a_status_is_data() -> None:
    assert of_plan(plan_of(BEFORE, AFTER), "i", "p")[1] == Status(
        "sentinel/i/p/plan", "success", "2 of 2 environments change · 43 nodes · risk: medium"
    )


@pytest.mark.parametrize(
    ("state", "nodes", "refusal", "wanted"),
    [
        ("open", 0, "", "pending"),
        ("paused", 3, "", "pending"),
        ("completed", 3, "", "success"),
        ("completed", 0, "", "pending"),
        ("completed", 3, "n-1 refused it", "failure"),
        ("open", 0, "n-1 refused it", "failure"),
        ("rolled-back", 0, "", "failure"),
        ("cancelled", 0, "", "failure"),
        ("superseded", 3, "n-1 refused it", None),
    ],
)
def test_what_a_rollout_says_of_its_commit(state: str, nodes: int, refusal: str, wanted: str | None) -> None:
    status = of_rollout("eu", "shop", "dev", state, "x" * 300, nodes=nodes, refusal=refusal)
    assert (status.state if status else None) == wanted
    assert status is None or (
        status.context == "sentinel/eu/shop/rollout:dev" and len(status.description) <= LONGEST
    )
