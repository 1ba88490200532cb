"""What is served over HTTP: the node API (`nodes`), the operator's JSON API (`api`), the status pages (`pages`).

Pages and the operator API read and change nothing. Forbidden here: git, compiling, deciding, holding a
signing key.
"""
