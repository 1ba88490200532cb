"""The release engine: what should happen to an environment now, and why.

`branch` and `render` are the files of an environment branch, `decide` looks at them, the policy and facts and names
the next action, `apply` turns that into the files and words of one commit. Strategies only plan steps; gates only
judge facts. Forbidden here: clock, randomness, I/O, logging, node lists (a fact is a count), and doing anything.
"""
