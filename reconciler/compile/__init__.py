"""The compiler: from a snapshot to one self-contained configuration of the real proxy for each environment.

It emits only what the proxy honours, in one deterministic order, through the config language's KDL writer, so that
nothing a user supplies can open a node. What cannot be expressed is a finding. Forbidden here: clock, randomness,
environment, files, network and logging; and reading KDL, but in `native`, which judges configurations of the proxy.
"""
