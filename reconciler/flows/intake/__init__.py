"""What becomes of a push before anybody reads it: one fetch for a repository, however many projects share it, work for
those that it concerns, and a report of what no delivery told of. Forbidden here: compiling, deciding, signing.
"""
