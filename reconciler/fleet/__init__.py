"""What the nodes of an environment amount to: ranks, cohorts, batches, staleness, drift.

Functions from observations, the ledger and a moment to aggregates. Forbidden here: clock, I/O, logging, anything
outside the standard library (the node API imports `cohorts` and `ranks`), and judging: gates do that.
"""
