"""A commit held to the stricter of its own rules and policies and of those before it."""

from __future__ import annotations

from dataclasses import fields, replace
from itertools import chain
from typing import Any

import pytest

from reconciler.config.approvals import Approvals
from reconciler.config.drift import DriftPolicy
from reconciler.config.findings import Severity
from reconciler.config.former import read_former
from reconciler.config.gates import GateSpec
from reconciler.config.policy import EnvironmentPolicy
from reconciler.config.rules.deletions import TRAILER
from reconciler.config.rules.step import Former, Held, Trailers, hold, hold_to
from reconciler.config.rules.stricter import CHOICES, OWN, PATHS, TOGETHER, stricter
from reconciler.config.snapshot import Snapshot, read_snapshot
from reconciler.config.source import SourceFile
from tests.unit.config.trees import BASE, UPSTREAM, brief, files, sound

PATHS_OF = "".join(f'service "s{n}" {{\n    path "/{n}"\n    upstream "orders"\n}}\n' for n in range(4))


def budget(routes: int, name: str = "few") -> str:
    return f'validation-rule "{name}" {{\n    deletions {{\n        routes {routes}\n    }}\n}}\n'


def without(count: int) -> str:
    return "service".join(PATHS_OF.split("service")[: 5 - count])


def step(before: tuple[str, ...], after: tuple[str, ...], *trailers: Trailers) -> Held:
    return hold(sound(UPSTREAM, *before), sound(UPSTREAM, *after), trailers)


@pytest.mark.parametrize(
    ("before", "after", "refused"),
    [
        (budget(1), budget(1), True),
        (budget(1), budget(9), True),
        (budget(1), "", True),
        (budget(9), budget(1), True),
        ("", budget(1), True),
        (budget(2), budget(2), False),
        ("", "", False),
    ],
    ids=["same", "raised", "removed", "lowered", "new", "enough", "none"],
)
def test_the_stricter_budget_of_both_counts(before: str, after: str, refused: bool) -> None:
    found = step((PATHS_OF, before), (without(2), after)).findings
    assert {finding.code for finding in found} == ({"E-RUL-006"} if refused else set())


def test_of_the_commits_between_the_largest_number_counts() -> None:
    texts = (PATHS_OF, budget(0)), (without(3), budget(0))
    assert step(*texts, ((TRAILER, "2"),), ((TRAILER, "2"),)).findings
    assert not step(*texts, ((TRAILER, "1"),), (("Signed-off-by", "x"), (TRAILER, "3")), ()).findings


RULE = """\
validation-rule "hosts" {
    message "Only ours"
    allow "shop.example$" field="hosts"
}
"""
FOREIGN = 'service "x" {\n    hosts "other.example"\n    upstream "orders"\n}\n'


@pytest.mark.parametrize("now", ["", RULE.replace("shop", "")], ids=["removed", "loosened"])
def test_a_rule_that_a_commit_loosens_still_binds_it(now: str) -> None:
    found = step((RULE,), (now, FOREIGN)).findings
    assert brief(found) == ["E-RUL-003 3.kdl:2:11"]
    assert found[0].message.endswith("(rule 'hosts', as the last valid commit has it)")
    assert found[0].hint == "Only ours; to loosen the rule, do so in a commit of its own first"


def test_a_rule_that_stays_is_not_held_twice_and_a_new_one_is_not_held_here() -> None:
    assert step((RULE,), (RULE,)).findings == ()
    assert step(("",), (RULE,)).findings == ()


def test_a_former_limit_of_resources_is_told_at_the_rule_that_there_is_now() -> None:
    rule = 'validation-rule "few" {\n    kinds "service"\n    max-resources 4\n}\n'
    more = PATHS_OF + FOREIGN
    found = step((rule, PATHS_OF), (rule.replace("4", "9"), more)).findings
    assert brief(found) == ["E-RUL-004 2.kdl:3:19"]
    assert brief(step((rule, PATHS_OF), ("", more)).findings) == ["E-RUL-004"]


OWN_POLICY = EnvironmentPolicy(
    name="production", after=("staging",), proxy_version="0.6.20", strategy="rolling", batch_percent=25,
    batch_size=None, max_unavailable=1, promote="manual", on_failure="rollback", min_healthy_seconds=30,
    progress_deadline_seconds=600, stale_after_seconds=30,
)  # fmt: skip
SOAK, SHORT = (GateSpec("soak", "", {"seconds": seconds}) for seconds in (600, 60))
MANUAL = GateSpec("manual")
SIZED = {"batch_percent": None, "batch_size": 3}
TWO = Approvals(2, ("ada", "bob"))
AT_ONCE = {"strategy": "all-at-once", "batch_percent": None}
CANARY = {"strategy": "canary", "batch_percent": None, "canary_shares": (5, 25, 50), "bake_seconds": 600}
SPREAD = {"spread_label": "region", "spread_percent": 50}


@pytest.mark.parametrize(
    ("former", "own", "held"),
    [
        ({}, {"max_unavailable": 2}, {"max_unavailable": 1}),
        ({}, {"max_unavailable": 0}, {}),
        ({}, {"promote": "automatic"}, {"promote": "manual"}),
        ({"promote": "automatic"}, {}, {}),
        ({}, {"on_failure": "pause"}, {"on_failure": "rollback"}),
        ({"on_failure": "pause"}, {}, {}),
        ({"supersede": "finish-batch"}, {}, {"supersede": "finish-batch"}),
        ({"supersede": "finish-batch"}, {"supersede": "finish"}, {}),
        ({}, {"min_healthy_seconds": 5}, {"min_healthy_seconds": 30}),
        ({}, {"min_healthy_seconds": 60}, {}),
        ({}, {"progress_deadline_seconds": 900}, {"progress_deadline_seconds": 600}),
        ({}, {"progress_deadline_seconds": 300}, {}),
        ({}, {"stale_after_seconds": 60}, {"stale_after_seconds": 30}),
        ({}, {"batch_percent": 50}, {"batch_percent": 25}),
        ({}, {"batch_percent": 10}, {}),
        ({"gates": (SOAK,)}, {}, {"gates": (SOAK,)}),
        ({}, {"gates": (SOAK,)}, {}),
        ({"gates": (SOAK,)}, {"gates": (SHORT,)}, {"gates": (SOAK,)}),
        ({"gates": (SHORT,)}, {"gates": (SOAK,)}, {}),
        ({"gates": (SOAK,)}, {"gates": (MANUAL,)}, {"gates": (SOAK, MANUAL)}),
        ({}, {"drift": DriftPolicy(600, per_hour=9)}, {"drift": DriftPolicy(120, per_hour=5)}),
        ({}, {"drift": DriftPolicy(60, remediate=True, per_hour=1)}, {}),
        (SIZED, {**SIZED, "batch_size": 9}, {"batch_size": 3}),
        (SIZED, {**SIZED, "batch_size": 2}, {}),
        (SIZED, {}, {"batch_percent": None, "batch_size": 3}),
        ({}, AT_ONCE, {"strategy": "rolling", "batch_percent": 25}),
        (AT_ONCE, {}, {}),
        ({}, CANARY, {}),
        (CANARY, {}, CANARY),
        (CANARY, {**CANARY, "canary_shares": (5, 60)}, {"canary_shares": (5, 25, 50)}),
        (CANARY, {**CANARY, "canary_shares": (1, 25, 50)}, {}),
        (CANARY, {**CANARY, "bake_seconds": 60}, {"bake_seconds": 600}),
        ({"protected": True}, {}, {"protected": True}),
        (SPREAD, {}, SPREAD),
        ({}, SPREAD, {}),
        (SPREAD, {**SPREAD, "spread_percent": 60}, {"spread_percent": 50}),
        (SPREAD, {**SPREAD, "spread_percent": 40}, {}),
        (SPREAD, {"spread_label": "rack"}, SPREAD),
        ({}, {"proxy_version": "0.7.0", "admin_port": 9000}, {}),
        ({"soak_seconds": 60}, {}, {"soak_seconds": 60}),
        ({"approvals": TWO}, {}, {"approvals": TWO}),
        ({}, {"approvals": TWO}, {}),
        ({"approvals": TWO}, {"approvals": replace(TWO, count=1)}, {"approvals": TWO}),
        ({"approvals": TWO}, {"approvals": replace(TWO, count=3, people=("ada",))}, {}),
        ({"approvals": TWO}, {"approvals": replace(TWO, people=("ada", "eve"))}, {"approvals": TWO}),
        ({"approvals": TWO}, {"approvals": Approvals(3)}, {"approvals": replace(TWO, count=3)}),
        ({"approvals": Approvals(3)}, {"approvals": TWO}, {"approvals": replace(TWO, count=3)}),
        ({"approvals": TWO}, {"approvals": replace(TWO, reviews=True)}, {"approvals": TWO}),
        (
            {"approvals": Approvals(1, (), (("sre", ("ada",)),))},
            {"approvals": Approvals(1, (), (("sre", ("ada", "eve")),))},
            {"approvals": Approvals(1, (), (("sre", ("ada",)),))},
        ),
    ],
)
def test_the_stricter_policy_field_by_field(
    former: dict[str, Any], own: dict[str, Any], held: dict[str, Any]
) -> None:
    mine = replace(OWN_POLICY, **own)
    found = stricter(mine, replace(OWN_POLICY, **former))
    assert found.policy == replace(mine, **held)
    assert set(found.held) == set(held)


def test_a_strategy_that_cannot_be_compared_stays_as_it_was() -> None:
    former = replace(OWN_POLICY, strategy="something-else")
    assert stricter(OWN_POLICY, former).policy.strategy == "something-else"


def test_every_field_of_a_policy_has_a_stricter_side_or_none_on_purpose() -> None:
    known = {*CHOICES, *chain(*TOGETHER), *OWN, "after"}
    assert {field.name for field in fields(EnvironmentPolicy)} == known
    assert set(PATHS) == known - set(OWN)


def test_a_looser_policy_holds_from_the_next_commit_on_and_this_one_says_so() -> None:
    loose = BASE.replace("batches percent=34", "batches percent=100")
    strict, after = sound(UPSTREAM), read_with(loose)
    found = hold(strict, after, ())
    assert found.policies[1].batch_percent == 34
    assert brief(found.findings) == ["W-RUL-010 base.kdl:10:9"]
    assert found.findings[0].severity is Severity.info
    assert "held to the former batches" in found.findings[0].message
    assert hold(after, after, ()).policies == after.policies


def read_with(base: str) -> Snapshot:
    snapshot, findings = read_snapshot(
        [SourceFile("base.kdl", base.encode()), SourceFile("1.kdl", UPSTREAM.encode())]
    )
    assert snapshot is not None, findings
    return snapshot


def test_predecessors_of_both_hold_in_an_order_that_fits() -> None:
    free = BASE.replace('    after "dev"\n', "")
    found = hold(sound(UPSTREAM), read_with(free), ())
    assert [(p.name, p.after) for p in found.policies] == [("dev", ()), ("production", ("dev",))]
    turned = free.replace('environment "dev" {', 'environment "dev" {\n    after "production"')
    found = hold(sound(UPSTREAM), read_with(turned), ())
    assert [(p.name, p.after) for p in found.policies] == [("production", ()), ("dev", ("production",))]


def test_a_first_commit_is_held_to_nothing() -> None:
    snapshot = sound(UPSTREAM)
    assert hold_to(None, snapshot) == Held((), snapshot.policies)


@pytest.mark.parametrize(
    "there",
    [
        None,
        (),
        (SourceFile("a.kdl", b"{"),),
        (SourceFile("a.kdl", b'project "x"'),),
        (SourceFile("a.kdl", b"nonsense"),),
    ],
)
def test_what_cannot_be_compared_is_a_warning_and_refuses_nothing(
    there: tuple[SourceFile, ...] | None,
) -> None:
    snapshot = sound(UPSTREAM)
    found = hold_to(Former("the last valid commit abc", there), snapshot)
    assert [(f.code, f.severity) for f in found.findings] == [("W-RUL-011", Severity.warning)]
    assert found.policies == snapshot.policies


TEMPLATED = 'service "t" {\n    template "own" {\n        path "/t"\n    }\n}\n'


def own_template(path: str) -> str:
    return (
        'template "own" {\n    parameter "path" {\n        type "path"\n    }\n    service {\n'
        f'        path "${{param:path}}" "{path}"\n        upstream "orders"\n    }}\n}}\n'
    )


def test_files_that_are_the_same_are_read_once_and_templates_still_take_effect() -> None:
    after = sound(UPSTREAM, PATHS_OF, TEMPLATED, own_template("/new"))
    former = read_former(files(UPSTREAM, PATHS_OF, TEMPLATED, own_template("/old")), after)
    assert former is not None
    assert former.resources[("service", "s0")] is after.resources[("service", "s0")]
    assert former.resources[("service", "t")].data["path"] == ["/old", "/t"]
    assert after.resources[("service", "t")].data["path"] == ["/new", "/t"]
    again = read_former(files(UPSTREAM, PATHS_OF, TEMPLATED, own_template("/new")), after)
    assert again == after
