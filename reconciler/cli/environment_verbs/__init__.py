"""Verbs that change an environment. Each is a git client: it reads the environment's branch, commits a wish as its
caller, and pushes by compare-and-swap with the caller's own credentials. Nothing here talks to the control plane.

Forbidden here: rules about what may ship. The control plane judges every wish, whoever wrote it.
"""
