"""What can be done, which role it takes, and which scope lets an API key do it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, TypeVar

from flask import Flask

from reconciler.config.installation_schema import ROLES
from reconciler.db.api_keys import SCOPES

View = TypeVar("View", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True)
class Action:
    """Something that can be done. `role` is the least that may. `scope` is empty for what no API key may.

    `public` is for what everybody may who reaches the process.
    """

    name: str
    meaning: str
    role: str
    scope: str = ""
    public: bool = False


def _scoped(name: str, role: str) -> Action:
    return Action(name, SCOPES[name], role, scope=name)


_TABLE = (
    Action("public", "sign in, see whether the process is well, fetch styles", "", public=True),
    Action("account", "see and change one's own account and sessions", ""),
    Action("pages:read", "look at the status pages", "reader"),
    _scoped("nodes:read", "reader"),
    _scoped("nodes:write", "operator"),
    _scoped("bundles:read", "reader"),
    _scoped("bundles:write", "operator"),
    _scoped("rollouts:read", "reader"),
    _scoped("rollouts:write", "operator"),
    _scoped("approvals:write", "operator"),
    _scoped("services:read", "reader"),
    _scoped("services:write", "operator"),
    _scoped("policies:read", "reader"),
    _scoped("policies:write", "admin"),
    _scoped("api_keys:admin", "reader"),
    _scoped("events:read", "reader"),
    _scoped("audit:read", "operator"),
    _scoped("members:read", "admin"),
    _scoped("metrics:read", "reader"),
)

ACTIONS: Mapping[str, Action] = MappingProxyType({action.name: action for action in _TABLE})
READS = frozenset(action.name for action in _TABLE if action.name.endswith(":read"))
"""What somebody on this machine may do where no signing in is asked for."""


def allowed_by(scopes: Iterable[str]) -> frozenset[str]:
    """The actions that some scopes of an API key let it do. Scopes that nobody knows allow nothing."""
    given = frozenset(scopes) & set(SCOPES)
    more = {f"{scope.removesuffix(':write')}:read" for scope in given if scope.endswith(":write")}
    return frozenset(a.name for a in _TABLE if a.scope and a.scope in given | more)


def at_least(role: str, wanted: str) -> bool:
    """Whether a role may what `wanted` may."""
    return not wanted or ROLES.index(role) >= ROLES.index(wanted)


def needs(name: str) -> Callable[[View], View]:
    """Say which action a view is. Raises KeyError for one that is not in the table."""
    action = ACTIONS[name]

    def mark(view: View) -> View:
        view.__dict__["needs"] = action
        return view

    return mark


def action_of(app: Flask, endpoint: str) -> Action:
    """The action of an endpoint. Raises RuntimeError when its view names none."""
    if endpoint == "static":
        return ACTIONS["public"]
    found = getattr(app.view_functions[endpoint], "needs", None)
    if not isinstance(found, Action):
        raise RuntimeError(f"the view '{endpoint}' does not say what it needs")
    return found
