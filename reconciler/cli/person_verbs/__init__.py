"""Verbs that look after accounts and API keys. They work on the database alone, on the control plane's machine.

Forbidden here: roles in organizations and projects, which stand in `control-plane.kdl`.
"""
