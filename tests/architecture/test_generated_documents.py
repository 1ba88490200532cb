"""Generated documents say what the code says."""

from __future__ import annotations

from tests.architecture.generated import differing


def test_generated_documents_are_up_to_date() -> None:
    assert differing() == []
