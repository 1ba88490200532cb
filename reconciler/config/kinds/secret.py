"""The kind `secret`: a name, and its value sealed for each environment."""

from __future__ import annotations

from reconciler.config.credentials import Sealed
from reconciler.config.declared import DECLARED
from reconciler.config.schema import Field, Slot, kind, scalar
from reconciler.config.values import Integer, Reference, Text

KIND = kind(
    "secret",
    'Something that must not be read in a repository. Other resources name it by "${secret:NAME}" or by '
    "its name. Its value "
    "is sealed to an environment's public key before it is committed; an environment without a sealed "
    "value has none." + DECLARED,
    (
        scalar(
            "description", Text(), "What it opens and who can renew it.", 'description "Slack, #releases"'
        ),
        Field(
            "sealed",
            "The sealed value for an environment.",
            'sealed "production" "v1.…" version=2',
            arguments=(
                Slot("environment", Reference("environment"), "the environment whose key it is sealed to"),
                Slot("value", Sealed(), "what sealing printed"),
            ),
            properties=(Slot("version", Integer(1, 1_000_000), "counts up with every new value", default=1),),
            repeatable=True,
        ),
    ),
    example='secret "slack-url" {\n    description "Incoming webhook of #releases"\n}',
    overridable=False,
)
