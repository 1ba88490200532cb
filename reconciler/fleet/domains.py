"""Failure domains: which one a node is in, and how far a rollout reaches into each."""

from __future__ import annotations

from collections.abc import Mapping

OTHERS = ""
"""The domain of nodes without the label, and of every domain that nobody knew of when the plan was made."""

Reaches = Mapping[str, str]
"""By domain the highest rank that is moved. `OTHERS` is always there."""


def domain_of(labels: Mapping[str, str], key: str) -> str:
    """The value of the label that tells domains apart. `key` "": all nodes are in one domain."""
    return labels.get(key, OTHERS) if key else OTHERS


def reach_in(reaches: Reaches, domain: str) -> str:
    """How far it reaches into a domain."""
    return reaches[domain] if domain in reaches else reaches[OTHERS]
