"""How pull requests are looked for and opened, in the words of each forge. A list leaves out what the forge would."""

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
    found = forge.pulls_of(match[2].replace("%2F", "/"), match[1].replace("%2F", "/"))
    return (200, {"number": found[0]}) if found else (404, {"message": "Not Found"})


def tea_open(forge: Any, match: re.Match[str], query: Any, body: Any) -> Answer:
    status, answer = hub_open(forge, match, query, body)
    return (409, answer) if status == 422 else (status, answer)


def lab_list(forge: Any, match: re.Match[str], query: dict[str, list[str]], body: Any) -> Answer:
    found = forge.pulls_of(query["source_branch"][0], query["target_branch"][0])
    return 200, [{"iid": number} for number in found]


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
    return (409, {"errors": []}) if number is None else (201, {"id": number})


def _at(path: Callable[[str], str], looked: Callable[..., Answer], opened: Callable[..., Answer]) -> Any:
    return lambda name: [("GET", path(name), looked), ("POST", path(name), opened)]


def _center(name: str) -> str:
    key, _, slug = name.rpartition("/")
    return f"/projects/{key.upper()}/repos/{slug}/pull-requests"


def _tea(name: str) -> list[Route]:
    pulls = f"/repos/{name}/pulls"
    return [("GET", rf"{pulls}/([^/]+)/(.+)", tea_find), ("POST", pulls, tea_open)]


PROPOSING: Mapping[str, Callable[[str], list[Route]]] = {
    "github": _at(lambda name: f"/repos/{name}/pulls", hub_list, hub_open),
    "gitea": _tea,
    "forgejo": _tea,
    "gitlab": _at(lambda name: f"/projects/{re.escape(name)}/merge_requests", lab_list, lab_open),
    "bitbucket": _at(lambda name: f"/repositories/{name}/pullrequests", cloud_list, cloud_open),
    "bitbucket-data-center": _at(_center, center_list, center_open),
}
"""Routes by the name of the forge."""
