"""Verbs of `sentinelctl certificate`. Each edits a clone and commits; none talks to the control plane.

Forbidden here: printing a private key or a part of one, and writing one anywhere but sealed.
"""
