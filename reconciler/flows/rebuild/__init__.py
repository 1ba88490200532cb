"""Brings back into an empty database what git and the object store know. Every step may run twice and die half-way.

Forbidden here: keys, and everything that needs one, which is left to the workers: they are asked for it.
"""
