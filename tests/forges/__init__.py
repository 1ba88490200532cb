"""Forges for tests: what they send and what they answer, written from their documentation.

A later run against a real forge differs by its URL alone. Forbidden here: importing the receivers or clients under
test.
"""
