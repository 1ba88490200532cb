"""The node agent: registers, polls, verifies, stages, tests, switches a symlink, reloads, reads back, reports.

What to do is decided by a state machine (`machine`, `activation`) that touches nothing: it yields effects
(`effects`) and is sent their results. `driver` carries effects out with real files, HTTP and a proxy; the fleet
simulator carries the same effects out for many agents at once. It runs with the base install alone. Forbidden here:
every part of the control plane, and touching anything inside the machine.
"""
