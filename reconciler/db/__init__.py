"""The database: what is owed, what was observed, and projections of git that pages can list quickly.

Truth about decisions is in git; losing this database loses no decision. Every table carries organization and
project, and every query of a project's objects goes through both. Every writing transaction is opened by
`reconciler.db.session.writing`, which begins IMMEDIATE on SQLite. Forbidden here: git, the object store, keys,
deciding anything.
"""
