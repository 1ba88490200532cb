"""The receivers of forge webhooks.

A delivery goes through a fixed order: size, signature over the raw bytes, receipt in the database,
nudge, 202. Nothing of the payload is believed but which repository to look at. Forbidden here: git,
compiling, deciding, holding a signing key.
"""
