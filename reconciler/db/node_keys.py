"""Keys of and for nodes: the challenge of a registration, data keys that were wrapped for a node, and the public keys
by which their tokens are checked."""

from __future__ import annotations

from peewee import AutoField, CharField, IntegerField

from reconciler.db.table import InstantField, Table


class Challenge(Table):
    """What a machine that registers has to open to prove its sealing key; deleted when it is used. Only the SHA-256 of
    what is in it is kept."""

    id = AutoField()
    token_sha256 = CharField(64)
    sealing_key = CharField(64)
    answer_sha256 = CharField(64)
    expires_at = InstantField(index=True)

    class Meta:
        indexes = ((("token_sha256", "sealing_key"), True),)


class WrappedKey(Table):
    """The data key of one version of a secret, wrapped for one node: 80 bytes in base64url without padding."""

    id = AutoField()
    node = CharField(63)
    name = CharField(63)
    version = IntegerField()
    wrapped = CharField(107)

    class Meta:
        indexes = ((("node", "name", "version"), True),)


class TokenKey(Table):
    """The public half of a key that signs tokens of nodes, in hex. The private half is in the memory of one process of
    the node API and nowhere else. A row that is deleted makes every token by that key worthless."""

    kid = CharField(63, primary_key=True)
    public = CharField(64)
    made_at = InstantField()
    expires_at = InstantField(index=True)
