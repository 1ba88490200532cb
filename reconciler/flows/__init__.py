"""Straight-line sequences, one file a job: read from the outside world, call pure code, write the result.

A job is a literal tuple of short steps with one signature; reading the tuple is reading the design. Each effect is
put-if-absent, compare-and-swap or a unique row, so a job may run twice, at once, or die half-way. Forbidden here:
rules. What should happen is decided in `config`, `compile`, `bundle`, `fleet` and `release`.
"""
