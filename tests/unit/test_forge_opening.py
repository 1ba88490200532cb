"""Opening pull requests: what each forge is asked, and that what is there already is not opened again."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from reconciler.forge import FORGES
from reconciler.forge.calling import NotThere
from reconciler.forge.opening import OPENERS, Proposal
from reconciler.forge.request import Request

TOLD = Proposal("change/c_1", "main", "Set it", "because")
LISTED = {"github": "number", "gitlab": "iid"}


def asking(name: str, there: int | None) -> tuple[list[Request], Callable[..., Any]]:
    """A forge with one pull request of the branch, or none."""
    sent: list[Request] = []

    def ask(request: Request, read: Callable[[Any], Any]) -> Any:
        sent.append(request)
        if request.method == "POST":
            return read({"number": 9, "iid": 9})
        if name == "gitea":
            if there is None:
                raise NotThere("E-FRG-012", "there is none")
            return read({"number": there})
        return read([] if there is None else [{LISTED[name]: there}])

    return sent, ask


@pytest.mark.parametrize("name", sorted(OPENERS))
def test_one_that_is_there_is_not_opened_again(name: str) -> None:
    sent, ask = asking(name, 4)
    assert OPENERS[name](ask, "acme/shop", TOLD) == 4
    [looked] = sent
    assert looked.method == "GET"
    assert "change%2Fc_1" in looked.path


@pytest.mark.parametrize("name", sorted(OPENERS))
def test_one_that_is_not_there_is_opened_once(name: str) -> None:
    sent, ask = asking(name, None)
    assert OPENERS[name](ask, "acme/shop", TOLD) == 9
    _, opened = sent
    assert opened.method == "POST"
    assert isinstance(opened.body, dict)
    assert {"change/c_1", "main", "Set it", "because"} <= set(map(str, opened.body.values()))


def test_openers_are_named_as_forges_are() -> None:
    assert set(OPENERS) <= set(FORGES)
