"""The audit log of an organization: giving rows their numbers and seals, and checking all of it.

Forbidden here: deciding what is audited, which whoever makes the change does.
"""
