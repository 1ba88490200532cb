"""The real proxy's own configuration language (crate 0.6.20): a table of its grammar, and a checker that goes by it.

The checker says what the proxy refuses (errors) and what it accepts and then ignores, mangles or never does (warnings).
Where the proxy accepts a file, there is no error, however useless the file may be. Forbidden here: clock, randomness,
environment, files, network and logging. Files that `include` names and paths on a node's disk are looked at by the
caller: `expand` is given a way to find files, and the checker returns the paths that have to exist.
"""
