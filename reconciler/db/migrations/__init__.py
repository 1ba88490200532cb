"""The migrations, applied in the order of their numbers; `docs/jobs.md` says how to make one.

A file declares its own frozen copies of the tables. Forbidden here: importing the application's models, and taking
away or renaming what the version before uses.
"""
