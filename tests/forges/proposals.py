"""How pull requests are looked for, opened and closed, in the words of each forge. A list leaves out what it would."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

Answer = tuple[int, Any]
Route = tuple[str, str, Callable[..., Answer]]
EVERY_STATE = ["OPEN", "MERGED", "DECLINED", "SUPERSEDED"]


def bare(ref: str) -> str:
    return ref.removeprefix("refs/heads/")


def hub_list(forge: Any, match: re.Match[str], query: dict[str, list[str]], body: Any) -> Answer:
    owner, _, source = query["head"][0].partition(":")
    assert owner == forge.repository.partition("/")[0]
    found = forge.pulls_of(source, query["base"][0], open_only=query.get("state") != ["all"])
    return 200, [{"number": number} for number in found]


def hub_open(forge: Any, match: re.Match[str], query: Any, body: Any) -> Answer:
    number = forge.open_pull(body["head"], body["base"], body["title"], body["body"])
    return (422, {"message": "Validation Failed"}) if number is None else (201, {"number": number})


def tea_find(forge: Any, match: re.Match[str], query: Any, body: Any) -> Answer:
    """Branches may have slashes, so that only together they say which two are meant."""
    meant = match[1].replace("%2F", "/")
    found = [
        number
        for number, pull in forge.pulls.items()
        if pull.inside and f"{pull.target}/{pull.source}" == meant
    ]
    return (200, {"number": found[0]}) if found else (404, {"message": "Not Found"})


def tea_list(forge: Any, match: re.Match[str], query: dict[str, list[str]], body: Any) -> Answer:
    """The ones that were changed last; those of forks are called by their branch alone, too."""
    assert query["state"] == ["all"]
    return 200, [
        {
            "number": number,
            "head": {"ref": pull.source, "repo_id": 1 if pull.inside else 2},
            "base": {"ref": pull.target, "repo_id": 1},
        }
        for number, pull in sorted(forge.pulls.items(), reverse=True)
    ]


def tea_open(forge: Any, match: re.Match[str], query: Any, body: Any) -> Answer:
    status, answer = hub_open(forge, match, query, body)
    return (409, answer) if status == 422 else (status, answer)


def lab_list(forge: Any, match: re.Match[str], query: dict[str, list[str]], body: Any) -> Answer:
    """With those of forks."""
    branches = (query["source_branch"][0], query["target_branch"][0])
    return 200, [
        {"iid": number, "source_project_id": 1 if pull.inside else 2, "target_project_id": 1}
        for number, pull in forge.pulls.items()
        if (pull.source, pull.target) == branches
    ]


def lab_open(forge: Any, match: re.Match[str], query: Any, body: Any) -> Answer:
    number = forge.open_pull(body["source_branch"], body["target_branch"], body["title"], body["description"])
    return (409, {"message": ["exists"]}) if number is None else (201, {"iid": number})


def cloud_list(forge: Any, match: re.Match[str], query: dict[str, list[str]], body: Any) -> Answer:
    said = dict(re.findall(r'([a-z_.]+) = "([^"]*)"', query["q"][0]))
    assert said["source.repository.full_name"] == forge.repository
    found = forge.pulls_of(
        said["source.branch.name"],
        said["destination.branch.name"],
        open_only=query.get("state") != EVERY_STATE,
    )
    return 200, {"values": [{"id": number} for number in found]}


def cloud_open(forge: Any, match: re.Match[str], query: Any, body: Any) -> Answer:
    """A second one of the same branches takes the place of the first."""
    source, target = body["source"]["branch"]["name"], body["destination"]["branch"]["name"]
    for number in forge.pulls_of(source, target, open_only=True):
        forge.pulls[number].open = False
    return 201, {"id": forge.open_pull(source, target, body["title"], body["description"])}


def center_list(forge: Any, match: re.Match[str], query: dict[str, list[str]], body: Any) -> Answer:
    """By the branch on one side alone: what goes out from it, when that is asked for."""
    assert query["direction"] == ["OUTGOING"]
    found = forge.pulls_of(bare(query["at"][0]), open_only=query.get("state") != ["ALL"])
    return 200, {
        "values": [
            {"id": number, "toRef": {"id": f"refs/heads/{forge.pulls[number].target}"}} for number in found
        ]
    }


def center_open(forge: Any, match: re.Match[str], query: Any, body: Any) -> Answer:
    source, target = body["fromRef"]["id"], body["toRef"]["id"]
    assert bare(source) != source
    number = forge.open_pull(bare(source), bare(target), body["title"], body["description"])
    if number is None:
        return 409, {"errors": []}
    forge.pulls[number].version = 3
    return 201, {"id": number}


def closing(said: Callable[[Any], bool]) -> Callable[..., Answer]:
    """Closes the pull request whose number is the pattern's only group, where the body says so; the version is the one
    that it has, where versions count."""

    def close(forge: Any, match: re.Match[str], query: dict[str, list[str]], body: Any) -> Answer:
        found = forge.pulls[int(match[1])]
        if not said(body) or query.get("version", [str(found.version)]) != [str(found.version)]:
            return 409, {"message": "Conflict"}
        found.open = False
        return 200, {}

    return close


def _at(
    path: Callable[[str], str], looked: Callable[..., Answer], opened: Callable[..., Answer], *closed: Any
) -> Any:
    method, below, said = closed
    return lambda name: [
        ("GET", path(name), looked),
        ("POST", path(name), opened),
        (method, rf"{path(name)}/(\d+){below}", closing(said)),
    ]


def _closed(body: Any) -> bool:
    return bool(body == {"state": "closed"})


def _anyhow(body: Any) -> bool:
    return True


def _center(name: str) -> str:
    key, _, slug = name.rpartition("/")
    return f"/projects/{key.upper()}/repos/{slug}/pull-requests"


def _tea(name: str) -> list[Route]:
    pulls = f"/repos/{name}/pulls"
    return [
        ("GET", pulls, tea_list),
        ("GET", rf"{pulls}/(.+/.+)", tea_find),
        ("POST", pulls, tea_open),
        ("PATCH", rf"{pulls}/(\d+)", closing(_closed)),
    ]


PROPOSING: Mapping[str, Callable[[str], list[Route]]] = {
    "github": _at(lambda name: f"/repos/{name}/pulls", hub_list, hub_open, "PATCH", "", _closed),
    "gitea": _tea,
    "forgejo": _tea,
    "gitlab": _at(
        lambda name: f"/projects/{re.escape(name)}/merge_requests",
        lab_list,
        lab_open,
        "PUT",
        "",
        lambda body: body == {"state_event": "close"},
    ),
    "bitbucket": _at(
        lambda name: f"/repositories/{name}/pullrequests", cloud_list, cloud_open, "POST", "/decline", _anyhow
    ),
    "bitbucket-data-center": _at(_center, center_list, center_open, "POST", "/decline", _anyhow),
}
"""Routes by the name of the forge."""
