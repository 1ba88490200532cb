"""The table of the proxy's grammar: every block with its children, their types, defaults, words and effects.

Data alone, one module for each part of the language. Forbidden here: logic, and everything forbidden one level above.
"""
