"""What the nodes of an environment amount to: selectors, ranks, cohorts, batches, traffic, staleness, drift.

Functions from observations, the ledger and a moment to aggregates. Forbidden here: clock, I/O, logging, anything
outside the standard library (the node API imports `cohorts`, `ranks` and `signals`), and judging: gates do that.
"""
