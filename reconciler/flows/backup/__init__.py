"""Backups of what neither git nor the object store knows: making, reading and restoring them.

Forbidden here: private keys and values of secrets, in clear or sealed, which are no part of a backup.
"""
