"""The config language: from the bytes of `*.kdl` files to a snapshot, or to findings with file, line and column.

One schema table (`schema.py`, one file a kind in `kinds/`) drives reader, checks, canonical writer, JSON form, JSON
Schema and the language reference. Text is hostile until it has been read: caps come before the parser, mistakes are
findings, never exceptions. Forbidden here: clock, randomness, environment, files, network, logging, and knowing what
the proxy's own configuration looks like, which is `reconciler.compile`.
"""
