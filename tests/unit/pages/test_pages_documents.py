"""The words of the documents are the words of the program."""

from __future__ import annotations

from pathlib import Path

from web.api.metrics import METRICS
from web.pages.words import CELLS

PAGE = (Path(__file__).resolve().parents[3] / "docs" / "pages.md").read_text()


def test_every_word_of_the_matrix_is_explained() -> None:
    assert [state.label for state in CELLS.values() if f"| {state.label} |" not in PAGE] == []


def test_every_metric_is_named() -> None:
    assert [name for name in METRICS if f"`{name}`" not in PAGE] == []
