"""An organization's log: appending entries, signing checkpoints, proving, watching what others saw, checking all of it.

The object store is the log; `reconciler.bundle` has its rules. Forbidden here: deciding what is an entry.
"""
