"""A fleet in virtual time: the real decision functions against simulated nodes, people and disasters.

One scenario says who is there and what happens; one event loop plays it; numbered invariants are checked after every
event. Nothing here waits, and nothing is random but what a seed determines. Forbidden here: clocks, I/O, threads, and
any rule of the release engine: what may be done is asked of `release` alone.
"""
