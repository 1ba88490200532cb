"""What differs between two compiled environments, by what the proxy makes of them and not by their text.

Both configurations are read by the native reader and laid out along the grammar's table, with the proxy's defaults
filled in: order that means nothing, spelling, comments and written-out defaults make no difference. Forbidden here:
clock, randomness, environment, files, network and logging, and judging whether a change is dangerous.
"""
