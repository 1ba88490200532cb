"""Simulated nodes: the same agents as `sentinel-node`, many in one process, around fake proxies with temperaments.

They speak real HTTP, keep real folders and run the real verifier; only the proxy is made up. Forbidden here: every
part of the control plane, and any shortcut that a node on another machine would not have.
"""
