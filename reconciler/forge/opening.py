"""Opening a pull request for a branch that proposes a change, on every forge.

It is looked for before it is opened, in whatever state: an answer that got lost opens no second one, and one that
somebody closed stays closed. Where one of the same branch is known to have ended, it is looked for behind that one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode

from reconciler.forge import bitbucket_data_center
from reconciler.forge.calling import NotThere
from reconciler.forge.request import Ask, Request


@dataclass(frozen=True, slots=True)
class Proposal:
    """What a pull request is opened with. `before` is the number of one of the same branch that has ended, or 0."""

    source: str
    target: str
    title: str
    text: str
    before: int = 0


def on_github(ask: Ask, repository: str, told: Proposal) -> int:
    """The number of the pull request, opened if there is none."""
    owner = repository.partition("/")[0]
    which = urlencode({"state": "all", "head": f"{owner}:{told.source}", "base": told.target})
    path = f"/repos/{repository}/pulls"
    return _found(ask(Request("GET", f"{path}?{which}"), _numbers("number")), told) or ask(
        Request("POST", path, _body(told)), _number("number")
    )


def on_gitea(ask: Ask, repository: str, told: Proposal) -> int:
    """The same; here the two branches are a part of the address."""
    path = f"/repos/{repository}/pulls"

    def read(document: Any) -> list[int]:
        branches = (told.source, told.target)
        inside = [one for one in document if one["head"]["repo_id"] == one["base"]["repo_id"]]
        return [int(one["number"]) for one in inside if (one["head"]["ref"], one["base"]["ref"]) == branches]

    try:
        branches = f"{quote(told.target, safe='')}/{quote(told.source, safe='')}"
        found = [ask(Request("GET", f"{path}/{branches}"), _number("number"))]
    except NotThere:
        found = []
    if told.before and not _found(found, told):
        # Of several of the same branches that address may lead to any.
        which = urlencode({"state": "all", "sort": "recentupdate", "limit": 50})
        found = ask(Request("GET", f"{path}?{which}"), read)
    return _found(found, told) or ask(Request("POST", path, _body(told)), _number("number"))


def on_gitlab(ask: Ask, repository: str, told: Proposal) -> int:
    """The same, as a merge request. The list has those of forks as well."""
    path = f"/projects/{quote(repository, safe='')}/merge_requests"
    which = urlencode({"source_branch": told.source, "target_branch": told.target})
    body = {
        "source_branch": told.source,
        "target_branch": told.target,
        "title": told.title,
        "description": told.text,
        "remove_source_branch": True,
    }

    def read(document: Any) -> list[int]:
        return [int(one["iid"]) for one in document if one["source_project_id"] == one["target_project_id"]]

    return _found(ask(Request("GET", f"{path}?{which}"), read), told) or ask(
        Request("POST", path, body), _number("iid")
    )


def on_bitbucket(ask: Ask, repository: str, told: Proposal) -> int:
    """The same; one of a fork's branch of that name is another's."""
    path = f"/repositories/{repository}/pullrequests"
    query = " AND ".join(
        f'{name} = "{value}"'
        for name, value in (
            ("source.repository.full_name", repository),
            ("source.branch.name", told.source),
            ("destination.branch.name", told.target),
        )
    )
    # Without states only the open ones would be listed.
    states = [("state", state) for state in ("OPEN", "MERGED", "DECLINED", "SUPERSEDED")]
    body = {
        "title": told.title,
        "description": told.text,
        "source": {"branch": {"name": told.source}},
        "destination": {"branch": {"name": told.target}},
        "close_source_branch": True,
    }
    there = ask(Request("GET", f"{path}?{urlencode([('q', query), *states])}"), _values)
    return _found(there, told) or ask(Request("POST", path, body), _number("id"))


def on_bitbucket_data_center(ask: Ask, repository: str, told: Proposal) -> int:
    """The same; it is looked for by its source branch alone."""
    path = f"{bitbucket_data_center.repo(repository)}/pull-requests"
    source, target = f"refs/heads/{told.source}", f"refs/heads/{told.target}"
    which = urlencode({"direction": "OUTGOING", "at": source, "state": "ALL", "limit": 100})
    body = {
        "title": told.title,
        "description": told.text,
        "fromRef": {"id": source},
        "toRef": {"id": target},
    }

    def read(document: Any) -> list[int]:
        return [int(one["id"]) for one in document["values"] if one["toRef"]["id"] == target]

    return _found(ask(Request("GET", f"{path}?{which}"), read), told) or ask(
        Request("POST", path, body), _number("id")
    )


OPENERS: Mapping[str, Callable[[Ask, str, Proposal], int]] = {
    "github": on_github,
    "gitea": on_gitea,
    "forgejo": on_gitea,
    "gitlab": on_gitlab,
    "bitbucket": on_bitbucket,
    "bitbucket-data-center": on_bitbucket_data_center,
}
"""By the name of the forge in `control-plane.kdl`."""


def _body(told: Proposal) -> dict[str, Any]:
    return {"title": told.title, "head": told.source, "base": told.target, "body": told.text}


def _numbers(name: str) -> Callable[[Any], list[int]]:
    return lambda document: [int(one[name]) for one in document]


def _values(document: Any) -> list[int]:
    return [int(one["id"]) for one in document["values"]]


def _number(name: str) -> Callable[[Any], int]:
    return lambda document: int(document[name])


def _found(numbers: list[int], told: Proposal) -> int:
    return max((number for number in numbers if number > told.before), default=0)
