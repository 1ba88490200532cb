"""What becomes of a pull request: planned, written down, and only then told to the forge.

Forbidden here: deciding anything by what was told, and telling anything that is not written down.
"""
