"""The kinds of resources, one file each, found through one explicit table.

A file holds its kind's fields, defaults, examples and the checks that look at one resource as a whole. Deleting a line
of the table deletes the kind. Forbidden here: knowing other resources (references are checked by the snapshot), and
knowing what the proxy's own configuration looks like.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from reconciler.config.kinds import (
    alert,
    auth_policy,
    certificate,
    environment,
    freeze_window,
    health_check,
    listener,
    middleware,
    node_group,
    notification_channel,
    notification_rule,
    plugin,
    project,
    proxy,
    secret,
    service,
    slo,
    team,
    template,
    trust_store,
    upstream,
    validation_rule,
    waf_policy,
)
from reconciler.config.schema import Kind


def table(*kinds: Kind) -> Mapping[str, Kind]:
    """The kinds by name, in the given order. Raises ValueError when a name stands twice."""
    found: dict[str, Kind] = {}
    for kind in kinds:
        if kind.name in found:
            raise ValueError(f"the kind '{kind.name}' stands in the table twice")
        found[kind.name] = kind
    return MappingProxyType(found)


KINDS: Mapping[str, Kind] = table(
    project.KIND,
    environment.KIND,
    listener.KIND,
    service.KIND,
    template.KIND,
    upstream.KIND,
    middleware.KIND,
    auth_policy.KIND,
    waf_policy.KIND,
    certificate.KIND,
    trust_store.KIND,
    secret.KIND,
    plugin.KIND,
    node_group.KIND,
    team.KIND,
    freeze_window.KIND,
    health_check.KIND,
    slo.KIND,
    alert.KIND,
    notification_channel.KIND,
    notification_rule.KIND,
    validation_rule.KIND,
    proxy.KIND,
)
