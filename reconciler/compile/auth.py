"""Auth policies as configuration of auth agents: JSON in the agent's own form (`AuthConfigJson` of its source).

One agent does any of its methods; when all methods are needed there is an agent for each, one behind the other.
Secrets stand in the files as `"${secret:NAME}"`, whole strings that the node replaces.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from reconciler.config.durations import seconds
from reconciler.config.kinds.auth_policy import METHODS

Config = dict[str, Any]


def agent_files(name: str, data: Mapping[str, Any]) -> dict[str, bytes]:
    """Name of an agent (the policy's, or policy and method) → its configuration, in the order of the methods."""
    present = [method for method in METHODS if method in data]
    if data["require"] == "all" and len(present) > 1:
        return {f"{name}.{method}": _file(data, [method]) for method in present}
    return {name: _file(data, present)}


def _file(data: Mapping[str, Any], methods: list[str]) -> bytes:
    config: Config = {
        "fail-open": False,
        "user-id-header": data["user-header"],
        "auth-method-header": data["method-header"],
    }
    for method in methods:
        config.update(_METHODS[method](data[method]))
    return (json.dumps(config, indent=2, sort_keys=True) + "\n").encode("ascii")


def _jwt(method: Mapping[str, Any]) -> Config:
    config = {"jwt-secret": method["secret"], "jwt-algorithm": method["algorithm"]}
    for name in ("issuer", "audience"):
        if name in method:
            config[f"jwt-{name}"] = method[name]
    return config


def _oidc(method: Mapping[str, Any]) -> Config:
    return {
        "oidc": {
            "enabled": True,
            "issuer": method["issuer"],
            "jwks-url": method["jwks-url"],
            "audience": method["audience"],
            "required-scopes": list(method.get("scopes", ())),
            "user-id-claim": method["user-claim"],
            "scope-claim": method["scope-claim"],
            "jwks-refresh-secs": seconds(method["refresh"]),
            "clock-skew-secs": seconds(method["clock-skew"]),
        }
    }


def _api_key(method: Mapping[str, Any]) -> Config:
    return {"api-key-header": method["header"], "api-keys": list(method["secrets"])}


def _basic(method: Mapping[str, Any]) -> Config:
    return {"basic-auth-users": list(method["secrets"])}


_METHODS: Mapping[str, Callable[[Mapping[str, Any]], Config]] = {
    "jwt": _jwt,
    "oidc": _oidc,
    "api-key": _api_key,
    "basic": _basic,
}
"""What the agent can do. Methods that are missing here are impossible, and the support table says so."""
