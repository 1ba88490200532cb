"""Verbs that make, check and restore backups of the database.

Forbidden here: printing what is in a backup.
"""
