"""Verbs of the audit log. They read and check; nothing here writes a row or takes one away."""
