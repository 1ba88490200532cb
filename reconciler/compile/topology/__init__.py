"""What leads where in one environment: services, what they pass through, upstreams and targets, as a drawing.

The graph is drawn from the references of the language, in one deterministic layout of columns. Everything that comes
from a repository is escaped for the form it goes into. Forbidden here: clock, randomness, environment, files, network
and logging, and knowing single fields of a kind, except the targets of upstreams.
"""
