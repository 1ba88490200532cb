"""Git as the control plane uses it: bare mirrors, reads by object, commits by tree edits, pushes that compare and swap.

Nothing is ever checked out, so nothing from a repository can be executed and no file of it reaches a disk path. Only
workers import this package: callbacks fight for the interpreter lock. Forbidden here: knowing what a file means, the
database, the object store, the `git` program, revision text (`main~3`): names and ids are looked up exactly.
"""
