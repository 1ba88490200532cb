"""Which nodes a list is narrowed to by what they are: labels, groups, versions, what they run. As SQL."""

from __future__ import annotations

from collections.abc import Mapping
from functools import reduce
from operator import and_, or_
from typing import Any

from peewee import Cast, fn

from reconciler.config.groups import NodeGroup
from reconciler.db.models import Commit, Node
from reconciler.db.session import is_sqlite
from reconciler.errors import Refused
from reconciler.fleet.selecting import read_selector
from reconciler.fleet.selectors import (
    All,
    AnyOf,
    Group,
    Groups,
    Label,
    Not,
    Selector,
    groups_in,
    groups_of,
    resolved,
)
from web.pages.scope import Scope

LONGEST = 200
PARAMETERS = ("selector", "group", "version", "bundle")


def conditions(scope: Scope, asked: Mapping[str, str]) -> list[Any]:
    """What the parameters of a request narrow a list of nodes to; none of them, nothing.

    `selector` is in the language of docs/selectors.md, `group` names one node-group, `version` is that of an agent or a
    proxy, `bundle` what runs, or its beginning. Raises `Refused`: E-NOD-100, E-NOD-101, E-WEB-006.
    """
    texts = [asked.get("selector", "").strip(), _group(asked.get("group", "").strip())]
    found = [_by_environment(scope, read_selector(text)) for text in texts if text]
    version = asked.get("version", "").strip()
    if version:
        found.append(_holds(Node.versions, f":{_quoted(version[:LONGEST])}"))
    bundle = asked.get("bundle", "").strip().removeprefix("sha256:")
    if bundle:
        if len(bundle) > 64 or not set(bundle) <= set("0123456789abcdef"):
            raise Refused(
                "E-WEB-006", "'bundle' is no digest", cure="Write sha256: and hex digits, or some of them"
            )
        found.append(Node.running.startswith(f"sha256:{bundle}"))
    return found


def _group(name: str) -> str:
    return f"group:{name}" if name else ""


def _by_environment(scope: Scope, selector: Selector) -> Any:
    """A group may be another one in each environment."""
    if not groups_in(selector):
        return _condition(selector)
    groups = _groups(scope)
    if not groups:
        return _condition(resolved(selector, {}))
    return reduce(
        or_,
        [
            (Node.environment == environment) & _condition(resolved(selector, named))
            for environment, named in groups.items()
        ],
    )


def _groups(scope: Scope) -> dict[str, Groups]:
    """The node-groups of the newest valid commit, by environment."""
    newest = scope.rows(Commit).where(Commit.state == "compiled").order_by(Commit.position.desc()).first()
    return {
        policy["name"]: groups_of(
            (group.name, group.lines) for group in map(NodeGroup.from_json, policy.get("groups", ()))
        )
        for policy in (newest.policies if newest is not None else ())
    }


def _condition(selector: Selector) -> Any:
    match selector:
        case Label(key, ()):
            return _holds(Node.labels, f"{_quoted(key)}:")
        case Label(key, values):
            return reduce(or_, [_holds(Node.labels, f"{_quoted(key)}:{_quoted(one)}") for one in values])
        case Not(of):
            return ~_condition(of)
        case All(of):
            return reduce(and_, map(_condition, of))
        case AnyOf(of):
            return reduce(or_, map(_condition, of))
        case Group(name):
            raise RuntimeError(f"the group '{name}' was to be resolved")


def _holds(document: Any, text: str) -> Any:
    """Whether a document's canonical text has this in it. Neither labels nor their values can have a quote."""
    # LIKE would take upper and lower case for the same on SQLite.
    place = fn.INSTR if is_sqlite() else fn.STRPOS
    return place(Cast(document, "TEXT"), text) > 0


def _quoted(text: str) -> str:
    return '"' + text + '"'
