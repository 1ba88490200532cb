"""Promotions that are pull requests into the branches of environments.

Forbidden here: deciding what becomes of one, which is `release.pull_requests`, and telling a forge anything that is not
written down.
"""
