"""The whole system on one machine, for `sentinelctl up` and `sentinelctl demo`.

The same processes as in production, started and watched here, with what a single machine lacks brought along: an
embedded Valkey, files instead of S3, SQLite instead of PostgreSQL, a git server on loopback and a simulated fleet.
Forbidden here: anything that would make the embedded system behave unlike the real one.
"""
