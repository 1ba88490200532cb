"""What a bill of materials tells of a compilation beside its files: the snapshot they were made from, and where
requests go."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from ipaddress import IPv6Address
from typing import Any

from reconciler.compile.sealed import pin
from reconciler.config.policy import EnvironmentPolicy
from reconciler.config.resources import Resource
from reconciler.config.snapshot import Snapshot

OPERATING = frozenset(
    {
        "alert",
        "environment",
        "freeze-window",
        "health-check",
        "node-group",
        "notification-channel",
        "notification-rule",
        "project",
        "slo",
        "team",
        "validation-rule",
    }
)
"""Kinds that say how a fleet is operated and that no file is made from: another policy is no other bundle."""


_JSON = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False)

CANONICAL = "canonical"
"""The part that the canonical form is, among the texts of a resource."""


def snapshot_sha256(snapshot: Snapshot) -> str:
    """The digest, in hex, of the canonical form of what is compiled.

    That is one JSON object for each environment and each resource that is no policy, without descriptions. Of a secret
    it has the name, versions and SHA-256 of the values as they are sealed, so wrapping a key again changes nothing.
    """
    digest = hashlib.sha256(b"[")
    policies = [_policy(policy) for policy in sorted(snapshot.policies, key=lambda policy: policy.name)]
    resources = [_text(r) for r in snapshot.resources.values() if r.kind.name not in OPERATING]
    digest.update(b",".join([*policies, *resources]))
    digest.update(b"]")
    return digest.hexdigest()


def endpoints(upstream: Mapping[str, Any]) -> list[str]:
    """The URLs of the targets of an upstream."""
    scheme = "https://" if "tls" in upstream else "http://"
    return [scheme + _written_out(target["address"]) for target in upstream["target"]]


def _written_out(address: str) -> str:
    """The address with IPv6 in full: however it was written it is one host, and readers of IRIs that know no `::`
    understand it too."""
    if not address.startswith("["):
        return address
    host, _, port = address.rpartition(":")
    return f"[{IPv6Address(host[1:-1]).exploded}]:{port}"


def _policy(policy: EnvironmentPolicy) -> bytes:
    return _encoded(
        {
            "kind": "environment",
            "name": policy.name,
            "proxy-version": policy.proxy_version,
            "admin-port": policy.admin_port,
            **({"agent-version": policy.agent_version} if policy.agent_version else {}),
        }
    )


def _text(resource: Resource) -> bytes:
    """The canonical form of one resource, made once."""
    texts = resource.texts.setdefault("", {})
    if CANONICAL not in texts:
        texts[CANONICAL] = _encoded(_secret(resource) if resource.kind.name == "secret" else _plain(resource))
    return texts[CANONICAL]


def _encoded(form: Mapping[str, Any]) -> bytes:
    return _JSON.encode(form).encode()


def _plain(resource: Resource) -> dict[str, Any]:
    form = resource.to_json()
    form.pop("description", None)
    for override in form.get("for", {}).values():
        override.pop("description", None)
    return form


def _secret(resource: Resource) -> dict[str, Any]:
    sealed = {
        item["environment"]: pin(item["version"], item["value"]).to_json()
        for item in resource.data.get("sealed", ())
    }
    return {"kind": "secret", "name": resource.name, "sealed": sealed}
