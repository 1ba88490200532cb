"""The operator's JSON interface: read-only views of a project, and the answers that machines ask of a process.

Lists are paged by cursor, errors are `application/problem+json`. Forbidden here: queries without a scope, signing keys,
anything that pages would not show as well.
"""
