"""Verbs of `sentinelctl secret`. Each edits the KDL files of a clone and commits; none talks to the control plane.

Sealing needs the environment's public key alone, which stands in the repository. Forbidden here: printing a value,
taking one as an argument of the command line, and opening one that is sealed.
"""
