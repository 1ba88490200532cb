"""What the rules of risk look for, one function each: from a difference to every time that the rule holds.

The table of the rules, with their ids and levels, is `reconciler.compile.risk`. Forbidden here: levels, and looking at
the text of a configuration.
"""
