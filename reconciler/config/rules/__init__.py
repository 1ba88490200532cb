"""Rules that a project makes for its own resources, and what keeps them from costing more than they may.

Forbidden here: backtracking. A rule's author and a resource's author may be strangers, so time is bounded whatever
either of them writes.
"""
