"""House rules that a linter does not know: each is a function over the tree with a test of its own."""

from __future__ import annotations

import re
import statistics
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("reconciler", "webhooks", "web")
CODE = re.compile(r'"([EW]-[A-Z]{2,3}-\d{3})"')
HEADING = re.compile(r"^### ([EW]-[A-Z]{2,3}-\d{3}) \S", re.MULTILINE)
FORBIDDEN_NAMES = frozenset({"utils", "helpers", "common", "misc", "manager", "base"})


def modules() -> Iterator[Path]:
    for package in PACKAGES:
        yield from sorted((ROOT / package).rglob("*.py"))


def lines(path: Path) -> int:
    return len(path.read_text().splitlines())


def test_no_file_is_longer_than_400_lines() -> None:
    long = {str(path.relative_to(ROOT)): lines(path) for path in modules() if lines(path) > 400}
    assert long == {}


def test_the_median_module_of_every_package_is_short() -> None:
    folders = {path.parent for path in modules()}
    medians = {
        str(folder.relative_to(ROOT)): statistics.median(lines(path) for path in folder.glob("*.py"))
        for folder in folders
    }
    assert {folder: median for folder, median in medians.items() if median > 150} == {}


def test_modules_are_named_after_what_they_hold() -> None:
    assert [str(path) for path in modules() if path.stem in FORBIDDEN_NAMES] == []


def test_every_package_says_what_lives_there_and_what_is_forbidden() -> None:
    silent = [
        str(path.relative_to(ROOT))
        for path in modules()
        if path.name == "__init__.py" and not path.read_text().lstrip().startswith('"""')
    ]
    assert silent == []
    tops = [ROOT / "reconciler" / name / "__init__.py" for name in _packages_of_reconciler()]
    assert [str(path) for path in tops if "orbidden" not in path.read_text()] == []


def _packages_of_reconciler() -> list[str]:
    return sorted(path.parent.name for path in (ROOT / "reconciler").glob("*/__init__.py"))


@pytest.mark.parametrize(
    ("pattern", "allowed"),
    [
        pytest.param(r"datetime\.now\(|datetime\.utcnow\(", {"reconciler/clock.py"}, id="one clock"),
        pytest.param(
            r"\.atomic\(|\.transaction\(", {"reconciler/db/session.py"}, id="one place begins transactions"
        ),
        pytest.param(r"PYTEST_CURRENT_TEST|if testing", set(), id="nothing asks whether it is tested"),
        pytest.param(r"pickle", {"reconciler/jobs/queue.py"}, id="no pickle"),
    ],
)
def test_only_one_place_may(pattern: str, allowed: set[str]) -> None:
    found = {str(path.relative_to(ROOT)) for path in modules() if re.search(pattern, path.read_text())}
    assert found <= allowed


def codes_in_code() -> set[str]:
    return {code for path in modules() for code in CODE.findall(path.read_text())}


def codes_in_docs() -> set[str]:
    return {
        code
        for path in (ROOT / "docs" / "errors").rglob("*.md")
        for code in HEADING.findall(path.read_text())
    }


def test_every_code_is_explained() -> None:
    assert sorted(codes_in_code() - codes_in_docs()) == []


def test_every_explained_code_exists() -> None:
    assert sorted(codes_in_docs() - codes_in_code()) == []


def test_links_between_documents_lead_somewhere() -> None:
    broken = [
        f"{page.relative_to(ROOT)} → {target}"
        for page in [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]
        for target in re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", page.read_text())
        if "://" not in target and not (page.parent / target).exists()
    ]
    assert broken == []


def test_the_procfile_and_the_embedded_system_run_the_same_processes() -> None:
    from reconciler.embedded.layout import Layout, Ports
    from reconciler.embedded.programs import programs

    declared = {line.split(":", 1)[0] for line in (ROOT / "Procfile").read_text().splitlines() if line}
    embedded = {
        program.name.split("-")[0]
        for program in programs(Layout(home=ROOT / ".sentinel", ports=Ports()), poll_seconds=2)
    }
    assert declared <= embedded
    assert embedded - declared == {"queue", "git", "fleet"}
