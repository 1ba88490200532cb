"""What each forge's API says, read over real HTTP from a forge that speaks as its documentation has it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from ipaddress import ip_network
from typing import Any

import pytest

from reconciler.egress.asking import Egress
from reconciler.errors import Transient
from reconciler.flows.pulls.reviewing import same
from reconciler.forge import FORGES
from reconciler.forge.calling import Api
from reconciler.forge.port import Deployment
from tests.forges import server as forges
from tests.forges.server import Fault, Reviewed, serving_api

FAILURE = {"github": "failure", "gitlab": "failed"}
NOW = datetime(2026, 11, 24, 20, 0, tzinfo=UTC)
NAME = "acme/shop"
EACH = pytest.mark.parametrize("kind", sorted(forges.ROUTES))


@contextmanager
def talking(kind: str) -> Iterator[tuple[forges.Forge, Api, Callable[..., Any]]]:
    """A forge, its API, and what sends it a request."""
    with serving_api(kind, NAME) as (forge, address):
        api = Api(FORGES[kind], address, Egress((ip_network("127.0.0.0/8"),), ""), forges.USER, forges.TOKEN)
        yield forge, api, lambda request, read: api.ask(request, read, now=NOW)


@pytest.mark.parametrize(
    ("kind", "states"),
    [("github", ["in_progress", "success", "success"]), ("gitlab", ["running", "success"])],
)
def test_a_deployment_is_made_once_and_goes_on(kind: str, states: list[str]) -> None:
    told = Deployment(
        "production", "a" * 40, "main", "pending", "on its way", "https://x.example", "sentinel:eu"
    )
    with talking(kind) as (forge, api, ask):
        assert api.forge.deploy is not None
        forge.faults = [Fault(lost=True, methods=("POST",))]
        with pytest.raises(Transient):
            api.forge.deploy(ask, NAME, told)
        for one in (told, replace(told, state="success"), replace(told, state="success")):
            api.forge.deploy(ask, NAME, one)
        (found,) = forge.deployments
        assert (found.environment, found.sha, found.states) == ("production", "a" * 40, states)
        api.forge.deploy(ask, NAME, replace(told, sha="b" * 40, state="failure"))
        assert [one.states[-1] for one in forge.deployments] == ["success", FAILURE[kind]]


@EACH
def test_which_approvals_stand_and_of_which_head(kind: str) -> None:
    old, head, merge = "a" * 40, "b" * 40, "c" * 40
    with talking(kind) as (forge, api, ask):
        said = [Reviewed("Bob", "approved", old), Reviewed("Ada", "dismissed", head)]
        said += [Reviewed("Dan", "changes", head), Reviewed("Carol", "approved", head)]
        said += [Reviewed(f"somebody-{n}", "approved", head) for n in range(60)]
        forge.pulls[7] = forges.Pull(head, open=False, merged=merge, reviews=said, history=[old])
        found = {one.account: one.commit for one in api.forge.approvals(ask, NAME, 7)}
        assert {name for name in found if not name.startswith("somebody")} == {"Bob", "Carol"}
        assert len(found) == 62, "on whichever page they are"
        assert same(head, found["Carol"])
        assert not same(head, found["Bob"])
        assert same(merge, ask(api.forge.pull(NAME, 7), api.forge.read_pull).merged)
        assert ask(api.forge.pulls_of(NAME, merge), api.forge.read_numbers) == [7]
