"""Real servers for the tests, each started lazily, on loopback, from a wheel, and dead when the tests are.

Forbidden here: anything that a test asserts.
"""
