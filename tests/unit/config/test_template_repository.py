"""The template repository beside its KDL: CI files that run the check, owners of folders that exist."""

from __future__ import annotations

import re

import pytest

from reconciler.config.snapshot import read_snapshot
from reconciler.config.source import SourceFile
from tests.unit.config.trees import TEMPLATE, brief, template, template_attached

CI = {
    "GitHub": ".github/workflows/validate.yml",
    "Gitea and Forgejo": ".gitea/workflows/validate.yml",
    "GitLab": ".gitlab-ci.yml",
    "Bitbucket": "bitbucket-pipelines.yml",
}


@pytest.mark.parametrize("forge", list(CI))
def test_every_forge_validates(forge: str) -> None:
    text = (TEMPLATE / CI[forge]).read_text()
    check = r'sentinelctl validate --against "?origin/(main|\$CI_DEFAULT_BRANCH)"?( --format github)?'
    assert re.search(rf"^\s*- (run: )?{check}$", text, re.MULTILINE)
    assert re.search("fetch-depth: 0|GIT_DEPTH: 0|depth: full", text)
    assert "sentinelctl fmt --check" in text
    assert "\t" not in text


def test_owners_are_of_files_that_exist() -> None:
    lines = (TEMPLATE / "CODEOWNERS").read_text().splitlines()
    owned = [line.split() for line in lines if line and not line.startswith("#")]
    assert [path for path, *_ in owned if path != "*" and not (TEMPLATE / path.strip("/")).exists()] == []
    assert all(owners and all(owner.startswith("@") for owner in owners) for _, *owners in owned)


@pytest.mark.parametrize(
    ("path", "before", "after", "code"),
    [
        ("services/catalogue.kdl", '"www.shop.example"', '"shop.other"', "E-RUL-003"),
        ("services/catalogue.kdl", "attempts 2", "attempts 9", "E-RUL-005"),
        ("upstreams.kdl", '"10.20.0.11:3000"', '"169.254.169.254:80"', "E-RUL-002"),
        ("operations/notifications.kdl", "edge@shop.example", "edge@mail.example", "E-RUL-003"),
    ],
)
def test_the_templates_rules_bite(path: str, before: str, after: str, code: str) -> None:
    files = template()
    line, column = place_of(files[path], before)
    files[path] = files[path].replace(before, after, 1)
    snapshot, findings = read_snapshot(
        [*(SourceFile(p, t.encode()) for p, t in files.items()), *template_attached()]
    )
    assert snapshot is None
    assert [f"{code} {path}:{line}:"] == [found.rpartition(":")[0] + ":" for found in brief(findings)]
    assert findings[0].place is not None
    assert findings[0].place.column + 1 >= column


def place_of(text: str, part: str) -> tuple[int, int]:
    before = text[: text.index(part)]
    return before.count("\n") + 1, len(before) - before.rfind("\n")


def test_every_operating_kind_is_shown() -> None:
    text = "\n".join(template().values())
    for kind in (
        "slo",
        "alert",
        "freeze-window",
        "health-check",
        "notification-channel",
        "notification-rule",
    ):
        assert f'\n{kind} "' in text
    for condition in ("threshold {", "anomaly {", "burn-rate {"):
        assert condition in text
