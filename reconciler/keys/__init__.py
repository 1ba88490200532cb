"""Signing keys and secrets, named by URI; the scheme picks where they come from.

Whoever holds a key is asked for it by name, at the moment of signing and not before. Forbidden here: writing key
material anywhere but into the file that was asked for, and showing it in a message, a `repr` or a log.
"""
