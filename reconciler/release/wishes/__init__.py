"""What people wish of an environment, as edits of its branch: the same for the verbs of `sentinelctl` and for the JSON
interface. Pure.

Forbidden here: rules about what may ship. Every wish is judged by `decide`, whoever wrote it.
"""
