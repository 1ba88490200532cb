"""What is served over HTTP: the node API (`nodes`), the operator's JSON API (`api`), the status pages (`pages`),
and who may see them (`auth`).

Pages read and change nothing but one's own account. Forbidden here: git, compiling, deciding, holding a
signing key.
"""
