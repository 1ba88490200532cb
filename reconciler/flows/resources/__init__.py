"""The configured resources over the JSON interface: a change of one as a commit, and what trunk has as rows to read.

What people send, and what stands in trees, is parsed in confined children alone. Forbidden here: any key. Commits of
this package are not signed: their trees hold what others wrote, and a commit key vouches for ledgers.
"""
